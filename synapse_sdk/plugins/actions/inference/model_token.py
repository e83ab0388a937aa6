"""The header that chooses a model: a JWT (HS256), signed by whoever may name models to a replica.

It carries where the weights are fetched from, so a replica believes only what was signed with the key that its agent
gave it: otherwise any caller could have it load, and perhaps run, a file of theirs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import msgspec

from synapse_sdk.exceptions import ConfigurationError

HEADER = "serve_multiplexed_model_id"
KEY_VARIABLE = "SYNAPSE_SERVE_KEY"
LIFE_SECONDS = 900.0

# The header of the request that is being answered, set by the engine that serves it.
current_token: ContextVar[str] = ContextVar("current_token", default="")


def sign_model(model: Mapping[str, Any], key: str, *, life_seconds: float = LIFE_SECONDS) -> str:
    """A token that makes a replica answer with this model.

    Args:
        model: The model's facts: id, name, url, sha256 and whatever its plugin reads.
        key: The key that the replica checks with.
        life_seconds: How long it is taken.
    """
    payload = {"model": dict(model), "exp": int(time.time() + life_seconds)}
    body = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(payload)}"
    return f"{body}.{_base64(_signature(body, key))}"


def read_model(token: str, key: str) -> dict[str, Any]:
    """The model that a token names.

    Raises:
        ConfigurationError: It was not signed with this key, or has expired.
    """
    body, _, signature = token.rpartition(".")
    try:
        is_ours = hmac.compare_digest(_unbase64(signature), _signature(body, key))
        header, payload = (msgspec.json.decode(_unbase64(part)) for part in body.split("."))
        algorithm, expires, model = header["alg"], float(payload["exp"]), dict(payload["model"])
    except (ValueError, KeyError, TypeError, msgspec.DecodeError) as exc:
        raise _refusal("it is malformed") from exc
    if not is_ours or algorithm != "HS256":
        raise _refusal("it was not signed with this application's key")
    if expires < time.time():
        raise _refusal("it has expired")
    return model


def _refusal(reason: str) -> ConfigurationError:
    return ConfigurationError(f"The header {HEADER} names no model: {reason}. Ask the agent for a new one.")


def _signature(body: str, key: str) -> bytes:
    return hmac.digest(key.encode(), body.encode(), hashlib.sha256)


def _encode(value: Any) -> str:
    return _base64(msgspec.json.encode(value))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
