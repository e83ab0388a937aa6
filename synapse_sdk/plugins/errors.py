"""What a plugin can fail with, under the names that plugin authors import (the tree is in `synapse_sdk.exceptions`)."""

from synapse_sdk.exceptions import (
    ActionNotFoundError,
    ArchiveError,
    BuildError,
    ChecksumMismatchError,
    ExecutionError,
    PluginError,
    PluginRunError,
    PluginUploadError,
)
from synapse_sdk.exceptions import PluginValidationError as ValidationError

__all__ = [
    "ActionNotFoundError",
    "ArchiveError",
    "BuildError",
    "ChecksumMismatchError",
    "ExecutionError",
    "PluginError",
    "PluginRunError",
    "PluginUploadError",
    "ValidationError",
]
