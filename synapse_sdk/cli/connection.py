"""How a command reaches the server: the options that all of them share, and clients made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from synapse_sdk.utils.auth import create_backend_client, create_backend_v2_client, load_credentials

if TYPE_CHECKING:
    from synapse_sdk.clients.backend import BackendClient
    from synapse_sdk.clients.backend_v2 import BackendV2Client

HostOption = Annotated[
    str | None, typer.Option("--host", help="Server; else SYNAPSE_HOST, else what `synapse login` kept.")
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", "-t", help="Access token; else SYNAPSE_ACCESS_TOKEN, else what `synapse login` kept."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for scripts.")]


def open_v2(host: str | None, token: str | None) -> BackendV2Client:
    """A v2 client; a context manager.

    Raises:
        ConfigurationError: There is no token for the server.
    """
    return create_backend_v2_client(load_credentials(host=host, access_token=token))


def open_v1(host: str | None, token: str | None) -> BackendClient:
    """A v1 client; a context manager.

    Raises:
        ConfigurationError: There is no token for the server.
    """
    return create_backend_client(load_credentials(host=host, access_token=token))
