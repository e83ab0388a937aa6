"""Finished parts: noted as they are written, and found again by the next attempt.

An attempt works on a snapshot of its own. A part of an earlier one is still right if no row of its range has changed,
appeared or gone since the snapshot that it was written from; the log of changes tells. So a bundle shows one moment,
however many attempts it took.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from synapse_sdk.wire.bundle import BundlePart
from web_helper.backend.core.database import Database
from web_helper.backend.jobs.parts.plan import PartRange
from web_helper.backend.models import ExportPart
from web_helper.backend.queries import changes, export_parts
from web_helper.backend.queries.changes import Scope

# Parts of the usual size take longer than this; of tiny ones, several are noted in one transaction.
NOTE_SECONDS = 0.2


@dataclass(frozen=True)
class FinishedPart:
    """A part whose file is whole and on disk."""

    range: PartRange
    part: BundlePart
    missing_files: int = 0

    def row(self, position: int, basis: str) -> dict[str, Any]:
        """Its columns in `export_parts`."""
        return {
            "first_id": self.range.first_id,
            "last_id": self.range.last_id,
            "path": self.part.path,
            "row_count": self.part.rows,
            "size_bytes": self.part.size_bytes,
            "sha256": self.part.sha256,
            "missing_files": self.missing_files,
            "position": position,
            "basis": basis,
        }


class PartLog:
    """Notes the parts of one attempt, durably."""

    def __init__(self, database: Database, job: tuple[str, int], position: int, basis: str) -> None:
        self._database, self._job, self._position, self._basis = database, job, position, basis
        self._waiting: list[FinishedPart] = []
        self._noted = time.monotonic()

    def begin(self, kept: Sequence[FinishedPart]) -> None:
        """These parts are all that there are; they are right for this attempt's snapshot too."""
        with self._database.write() as session:
            export_parts.replace_parts(session, *self._job, self._rows(kept))

    def add(self, part: FinishedPart) -> None:
        """One more is finished."""
        self._waiting.append(part)
        if time.monotonic() - self._noted < NOTE_SECONDS:
            return
        with self._database.write() as session:
            export_parts.add_parts(session, *self._job, self._rows(self._waiting))
        self._waiting = []
        self._noted = time.monotonic()

    def _rows(self, parts: Sequence[FinishedPart]) -> list[dict[str, Any]]:
        return [part.row(self._position, self._basis) for part in parts]


def find_unchanged(
    session: Session, job_id: str, ranges: Sequence[PartRange], scope: Scope, *, basis: str
) -> Mapping[PartRange, ExportPart]:
    """Parts of earlier attempts that hold just what this session's snapshot has in the same ranges."""
    planned = {(place.first_id, place.last_id, place.rows): place for place in ranges}
    floor = changes.read_state(session).floor
    found = [
        (planned[key], part)
        for part in export_parts.list_parts(session, job_id)
        if (key := (part.first_id, part.last_id, part.row_count)) in planned
        and part.basis == basis
        and part.position >= floor
    ]
    if not found:
        return {}
    starts = [place.first_id for place, _ in found]
    changed: set[int] = set()
    for row_id, mark in changes.iterate_changed(session, scope, min(part.position for _, part in found)):
        index = bisect_right(starts, row_id) - 1
        if index >= 0 and row_id <= found[index][0].last_id and mark >= found[index][1].position:
            changed.add(index)
    return {place: part for index, (place, part) in enumerate(found) if index not in changed}
