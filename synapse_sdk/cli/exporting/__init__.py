"""`synapse export`: a project's annotations become a data set on disk."""

from synapse_sdk.cli.exporting.command import export_command

__all__ = ["export_command"]
