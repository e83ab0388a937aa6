"""Who may use the agent's API: whoever has its token, and for what a run needs also that run by its own key."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from synapse_agent.services.runs.dispatcher import Dispatcher

_SCHEMES = ("Token ", "Bearer ")


def key_of(headers: Mapping[str, str], name: str = "Authorization") -> str:
    """A key from a header: as it is, or behind `Token` or `Bearer`."""
    value = headers.get(name, "").strip()
    for scheme in _SCHEMES:
        value = value.removeprefix(scheme)
    return value.strip()


def require_token(connection: HTTPConnection) -> None:
    """Refuse everyone without the agent's token."""
    if not _is_agent_token(connection.app.state, key_of(connection.headers)):
        raise _refusal()


def require_token_or_server(connection: HTTPConnection) -> None:
    """Refuse everyone but holders of the agent's token and the server that it is registered with."""
    state, key = connection.app.state, key_of(connection.headers)
    if not (_is_agent_token(state, key) or (key and secrets.compare_digest(key.encode(), state.server_key.encode()))):
        raise _refusal()


def require_token_or_run(connection: HTTPConnection) -> None:
    """Refuse everyone but holders of the agent's token and runs of this agent."""
    state, key = connection.app.state, key_of(connection.headers)
    if not (_is_agent_token(state, key) or _is_run(state.dispatcher, key)):
        raise _refusal()


def _is_agent_token(state: Any, key: str) -> bool:
    return bool(key) and secrets.compare_digest(key.encode(), state.api_token.encode())


def _is_run(dispatcher: Dispatcher, key: str) -> bool:
    shown = hashlib.sha256(key.encode()).hexdigest()
    return any(run.token_hash and secrets.compare_digest(run.token_hash, shown) for run in dispatcher.runs())


def _refusal() -> HTTPException:
    return HTTPException(
        401, "Send the agent's token in the header Authorization; `synapse agent show` says where it is."
    )
