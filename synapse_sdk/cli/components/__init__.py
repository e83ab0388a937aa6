"""`synapse component`: versions of components on the server."""

from synapse_sdk.cli.components.command import app

__all__ = ["app"]
