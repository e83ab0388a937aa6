"""What a synchronisation tells: its result, and the conflicts that a person must decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from web_helper.middleend.sync_plan import ConflictResolution, ConflictType


@dataclass
class SyncConflict:
    """A component about which server and working tree differ.

    Attributes:
        local_hash: Short hash of the local bytes; None where there are none.
        server_hash: Short hash of the server's version; None where there is none.
        local_content: The local text.
        resolved: Whether `resolution` was carried out.
    """

    path: str
    local_hash: str | None
    server_hash: str | None
    conflict_type: ConflictType
    local_content: str | None = None
    resolved: bool = False
    resolution: ConflictResolution | None = None


@dataclass
class SyncResult:
    """What a synchronisation has done, by component path.

    As long as there is nothing to do, `skipped` and `component_hashes` are the same objects each time: copy them to
    change them.

    Attributes:
        synced: Downloaded.
        uploaded: Uploaded and made active.
        skipped: As they were: up to date, kept on purpose, or only looked at.
        failed: Not as they should be; `errors` says why.
        conflicts: Those that wait for a decision.
        component_hashes: Short hashes of what lies in the tree now, checked, of everything that is needed and in order.
        errors: Why something failed, by path.
        planned: How the two sides differed, by path.
        kept: Where a copy of an edit lies that made way for the server's version.
    """

    synced: list[str] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    conflicts: list[SyncConflict] = field(default_factory=list)
    component_hashes: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    planned: dict[str, ConflictType] = field(default_factory=dict)
    kept: dict[str, Path] = field(default_factory=dict)

    def fail(self, path: str, reason: str) -> None:
        """A component that is not as it should be."""
        self.failed.append(path)
        self.errors[path] = reason
