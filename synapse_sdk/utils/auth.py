"""Whose key goes to which server. The one place of the SDK that reads environment variables.

A key and the server that it belongs to travel together: a key kept by `synapse login` is sent to the server of that
login only, and a key from the environment without a server goes to this machine, never to some default on the network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.network import is_same_origin, url_origin

if TYPE_CHECKING:
    import httpx2

    from synapse_sdk.clients.backend import BackendClient
    from synapse_sdk.clients.backend_v2 import BackendV2Client
    from synapse_sdk.utils.retry import RetryPolicy

ENV_SYNAPSE_HOST = "SYNAPSE_HOST"
ENV_SYNAPSE_ACCESS_TOKEN = "SYNAPSE_ACCESS_TOKEN"  # noqa: S105 - the variable's name.
# Set by an agent for one plugin run: the key of the person who started it.
ENV_RUN_USER_TOKEN = "SYNAPSE_PLUGIN_RUN_USER_TOKEN"  # noqa: S105 - the variable's name.
# The agent that runs it, and this run's own key to that agent.
ENV_RUN_AGENT_URL = "SYNAPSE_PLUGIN_RUN_AGENT_URL"
ENV_RUN_AGENT_TOKEN = "SYNAPSE_PLUGIN_RUN_AGENT_TOKEN"  # noqa: S105 - the variable's name.
ENV_RUN_TENANT = "SYNAPSE_PLUGIN_RUN_TENANT"
DEFAULT_HOST = "http://127.0.0.1:8100"
CONFIG_FILE = Path.home() / ".synapse" / "config.json"


@dataclass(frozen=True)
class Credentials:
    """A server and the key to it; the key is None when there is none for this server."""

    host: str
    access_token: str | None = field(default=None, repr=False)
    tenant: str | None = None


def read_env() -> Mapping[str, str]:
    """A copy of the process's environment variables."""
    return dict(os.environ)


def load_credentials(
    *,
    host: str | None = None,
    access_token: str | None = None,
    env: Mapping[str, str] | None = None,
    config_file: Path | None = None,
) -> Credentials:
    """Find the server and its key: arguments first, then the environment, then what `synapse login` kept.

    Args:
        host: The server, when the caller was told.
        access_token: The key, when the caller was told.
        env: Environment variables; those of the process when None.
        config_file: The file of `synapse login`; `~/.synapse/config.json` when None.

    Raises:
        ConfigurationError: The host is not an http(s) address, or the file cannot be read.
    """
    env = read_env() if env is None else env
    named_host = host or env.get(ENV_SYNAPSE_HOST)
    token = access_token or env.get(ENV_RUN_USER_TOKEN) or env.get(ENV_SYNAPSE_ACCESS_TOKEN)
    tenant = env.get(ENV_RUN_TENANT)
    if token and (named_host or not access_token):
        # A key of the environment goes to no server of which only a file tells.
        return _credentials(named_host or DEFAULT_HOST, token, tenant)
    kept = read_config(config_file)
    kept_host = kept.get("host") or DEFAULT_HOST
    if access_token:
        return _credentials(kept_host, access_token, tenant)
    if named_host and not is_same_origin(named_host, kept_host):
        return _credentials(named_host, None, tenant)
    return _credentials(named_host or kept_host, kept.get("access_token"), tenant)


def save_credentials(host: str, access_token: str, *, config_file: Path | None = None) -> Path:
    """Keep a server and its key for later commands, in a file that only its owner may read.

    Raises:
        ConfigurationError: The host is not an http(s) address, or the file cannot be written.
    """
    url_origin(host)
    return update_config({"host": host.rstrip("/"), "access_token": access_token}, config_file=config_file)


def read_config(config_file: Path | None = None) -> dict[str, Any]:
    """What the configuration file holds; empty when there is none.

    Raises:
        ConfigurationError: It cannot be read, or is not a JSON object.
    """
    path = config_file or CONFIG_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as exc:
        raise ConfigurationError(
            f"{path} cannot be read ({exc}). Repair or delete it, then run `synapse login`."
        ) from exc


def update_config(changes: Mapping[str, Any], *, config_file: Path | None = None) -> Path:
    """Set keys of the configuration file; None removes a key, other keys stay.

    Raises:
        ConfigurationError: The file cannot be read or written.
    """
    path = config_file or CONFIG_FILE
    merged = {**read_config(path), **changes}
    body = msgspec.json.format(msgspec.json.encode({k: v for k, v in merged.items() if v is not None}), indent=2)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            part.unlink()
        # Made unreadable for others before the key is in it.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(body)
        part.replace(path)
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be written: {exc.strerror or exc}.") from exc
    return path


def create_backend_client(
    credentials: Credentials | None = None,
    *,
    transport: httpx2.BaseTransport | None = None,
    retry: RetryPolicy | None = None,
) -> BackendClient:
    """A v1 client for the server and key that were found.

    Raises:
        ConfigurationError: There is no key for the server.
    """
    from synapse_sdk.clients.backend import BackendClient

    found = _require_token(credentials)
    return BackendClient(found.host, found.access_token, tenant=found.tenant, transport=transport, retry=retry)


def create_backend_v2_client(
    credentials: Credentials | None = None,
    *,
    transport: httpx2.BaseTransport | None = None,
    retry: RetryPolicy | None = None,
) -> BackendV2Client:
    """A v2 client for the server and key that were found.

    Raises:
        ConfigurationError: There is no key for the server.
    """
    from synapse_sdk.clients.backend_v2 import BackendV2Client

    found = _require_token(credentials)
    # Whoever logged in or set the variables named this server on purpose, plain http or not.
    return BackendV2Client(
        found.host,
        access_token=found.access_token,
        tenant=found.tenant,
        allow_insecure=True,
        transport=transport,
        retry=retry,
    )


def _credentials(host: str, token: str | None, tenant: str | None) -> Credentials:
    url_origin(host)
    return Credentials(host.rstrip("/"), token, tenant)


def _require_token(credentials: Credentials | None) -> Credentials:
    found = credentials or load_credentials()
    if not found.access_token:
        raise ConfigurationError(
            f"There is no access token for {found.host}. Run `synapse login`, or set {ENV_SYNAPSE_HOST} and "
            f"{ENV_SYNAPSE_ACCESS_TOKEN}."
        )
    return found
