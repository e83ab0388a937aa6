"""The component store's tables. Rows are added, never changed or deleted; aliases alone move, and each move is kept."""

from web_helper.backend.models.component.history import (
    ComponentAliasChange,
    ComponentChangeSet,
    ComponentManifest,
    ComponentManifestEntry,
)
from web_helper.backend.models.component.version import ComponentAlias, ComponentBlob, ComponentVersion

__all__ = [
    "ComponentAlias",
    "ComponentAliasChange",
    "ComponentBlob",
    "ComponentChangeSet",
    "ComponentManifest",
    "ComponentManifestEntry",
    "ComponentVersion",
]
