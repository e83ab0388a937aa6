"""`synapse playground`."""

from synapse_sdk.cli.playground.command import app

__all__ = ["app"]
