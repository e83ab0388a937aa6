"""A finished export on this machine: its record, and what a delta needs to know of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.exceptions import ConfigurationError, ExportError
from synapse_sdk.plugins.actions.export.delta.kept_items import KeptFacts, read_kept_lines
from synapse_sdk.plugins.actions.export.output.record import RECORD_NAME
from synapse_sdk.utils.converters import Format
from synapse_sdk.wire.annotations import ClassSchema
from synapse_sdk.wire.bundle import ExportTarget

DELETIONS_FILE = "deletions.jsonl"
# What two exports must have in common for one to bring the other up to date.
_SELECTION = ("target", "filter", "project")
_SHAPE = ("format", "options", "images", "split", "split_seed", "shard_items")


class _Needed(msgspec.Struct):
    """What every record of a built-in format has."""

    name: str
    target: ExportTarget
    filter: dict[str, Any]
    format: Format
    class_schema: dict[str, Any]
    project: int | None
    snapshot: str | None = None
    since: str | None = None
    kept_items: KeptFacts | None = None


@dataclass(frozen=True)
class OpenedExport:
    """A finished export.

    Attributes:
        folder: Where it is.
        record: Its `export.json`.
    """

    folder: Path
    record: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> OpenedExport:
        """Open an export's folder.

        Raises:
            ConfigurationError: There is no finished export, or one that an older version of this program made.
        """
        try:
            record = msgspec.json.decode((folder / RECORD_NAME).read_bytes())
            needed = msgspec.convert(record, _Needed)
            ClassSchema.model_validate(needed.class_schema)
        except (OSError, msgspec.DecodeError, ValueError) as exc:
            raise ConfigurationError(
                f"{folder} holds no finished export of a built-in format: {RECORD_NAME} is missing, or not as it was "
                "written."
            ) from exc
        if needed.snapshot is None:
            raise ConfigurationError(
                f"{folder} does not say which moment it shows: it was made by an older version, or not gathered by "
                "the server. Export everything once more."
            )
        return cls(folder, record)

    @property
    def snapshot(self) -> str:
        """The moment that it shows."""
        return str(self.record["snapshot"])

    @property
    def is_delta(self) -> bool:
        """Whether it is what changed since another."""
        return self.record.get("since") is not None

    def lines(self) -> Iterator[bytes]:
        """Its items as they came from the server.

        Raises:
            ExportError: It keeps none, or not those of its record.
        """
        return read_kept_lines(self.folder, self.record.get("kept_items"))

    def deletions(self) -> set[int]:
        """Ids that a delta takes away.

        Raises:
            ExportError: The list cannot be read, or is not that of its record.
        """
        path, digest, ids = self.folder / DELETIONS_FILE, hashlib.sha256(), set()
        try:
            with path.open("rb") as file:
                for line in file:
                    digest.update(line)
                    ids.add(int(msgspec.json.decode(line)["id"]))
            is_intact = digest.hexdigest() == self.record["files"][DELETIONS_FILE]
        except (OSError, msgspec.DecodeError, LookupError, TypeError, ValueError) as exc:
            raise ExportError(f"{path} cannot be read. Export the delta again.") from exc
        if not is_intact:
            raise ExportError(f"{path} is not what was exported. Export the delta again.")
        return ids

    def parameters(self) -> dict[str, Any]:
        """What an export with the same outcome is asked for."""
        return {name: self.record.get(name) for name in (*_SELECTION[:2], *_SHAPE)}

    def require_delta(self, delta: OpenedExport) -> None:
        """Make sure that a delta tells what changed since this export.

        Raises:
            ConfigurationError: It does not, or it is an export of something else.
        """
        since = delta.record.get("since")
        if since is None:
            raise ConfigurationError(f"{delta.folder} is no delta but a whole export: use it as it is.")
        if self.is_delta:
            raise ConfigurationError(
                f"{self.folder} is a delta, too: apply it first, and {delta.folder} to what that makes."
            )
        if since != self.snapshot and delta.snapshot == self.snapshot:
            raise ConfigurationError(
                f"{self.folder} holds what {delta.folder} tells already: there is nothing to apply."
            )
        if since != self.snapshot:
            raise ConfigurationError(
                f"{delta.folder} tells what changed since {since}, and {self.folder} shows {self.snapshot}. "
                "Apply deltas in the order in which they were made."
            )
        for name in (*_SELECTION, *_SHAPE):
            if self.record.get(name) != delta.record.get(name):
                raise ConfigurationError(
                    f"{self.folder} and {delta.folder} differ in {name}: one cannot update the other."
                )
