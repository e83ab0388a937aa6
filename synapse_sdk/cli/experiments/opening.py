"""The client that the commands of experiments and notifications share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.auth import load_credentials

if TYPE_CHECKING:
    from synapse_sdk.clients.experiments import ExperimentClient


def open_experiments(host: str | None, token: str | None) -> ExperimentClient:
    """A client of experiments; a context manager.

    Raises:
        ConfigurationError: There is no token for the server.
    """
    from synapse_sdk.clients.experiments import ExperimentClient

    found = load_credentials(host=host, access_token=token)
    if not found.access_token:
        raise ConfigurationError(f"There is no access token for {found.host}. Run `synapse login`, or pass --token.")
    return ExperimentClient(found.host, found.access_token)
