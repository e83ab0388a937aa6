"""`synapse import`: annotated images on disk become a project on the server."""

from synapse_sdk.cli.importing.command import import_command

__all__ = ["import_command"]
