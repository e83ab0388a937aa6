"""What changed from one released version of a data set to a later one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from synapse_sdk.wire.ground_truth import ClassDifference, VersionChange, VersionChangeKind, VersionDifference
from web_helper.backend.core.problems import ValidationProblem
from web_helper.backend.models import GroundTruthDatasetVersion
from web_helper.backend.queries.work import version_changes as queries
from web_helper.backend.queries.work.ground_truths import VERSIONS
from web_helper.backend.services.call import Call
from web_helper.backend.services.lists import read_row

# Annotations are decoded to be counted: a summary looks at so many items of each kind, and says when there are more.
COUNTED_ITEMS = 5_000
_BATCH = 500


class _Named(msgspec.Struct, gc=False):
    category: str | None = None


class _Annotated(msgspec.Struct, gc=False):
    annotations: list[_Named] = []


@dataclass(frozen=True)
class ChangesPage:
    """Changes of one kind, and the cursor of the next page."""

    items: list[VersionChange]
    next_cursor: str | None


def compare_versions(call: Call, version_id: int, since_id: int) -> VersionDifference:
    """How much differs, in counts.

    Raises:
        NotFoundProblem: There is no such version, or the caller may not see it.
        ValidationProblem: `since` is of another data set, or not older.
    """
    version, since = _pair(call, version_id, since_id)
    pair = {"since": since.id, "version": version.id}
    counts = {kind: queries.count_changes(call.session, kind, **pair) for kind in VersionChangeKind}
    classes: dict[str, ClassDifference] = {}
    counted = 0
    for row in chain.from_iterable(_rows_of(call, kind, pair) for kind in VersionChangeKind):
        counted += 1
        _add(classes, row)
    added, changed = counts[VersionChangeKind.ADDED], counts[VersionChangeKind.CHANGED]
    return VersionDifference(
        **pair,
        added=added,
        removed=counts[VersionChangeKind.REMOVED],
        changed=changed,
        unchanged=version.event_count - added - changed,
        classes=dict(sorted(classes.items())),
        counted=counted,
        is_whole=counted == sum(counts.values()),
    )


def list_changes(
    call: Call, version_id: int, since_id: int, *, kind: VersionChangeKind, cursor: str | None, per_page: int
) -> ChangesPage:
    """One page of the data units that differ in one way.

    Raises:
        NotFoundProblem: There is no such version, or the caller may not see it.
        ValidationProblem: `since` is of another data set, or not older; or the cursor is none of this list.
    """
    version, since = _pair(call, version_id, since_id)
    rows = queries.read_changes(
        call.session, kind, since=since.id, version=version.id, after=_position(cursor), limit=per_page + 1
    )
    page = rows[:per_page]
    return ChangesPage([_shape(kind, row) for row in page], str(page[-1][0]) if len(rows) > per_page else None)


def _pair(call: Call, version_id: int, since_id: int) -> tuple[GroundTruthDatasetVersion, GroundTruthDatasetVersion]:
    version: GroundTruthDatasetVersion = read_row(call, VERSIONS, version_id)
    since: GroundTruthDatasetVersion = read_row(call, VERSIONS, since_id)
    if since.dataset_id != version.dataset_id:
        raise ValidationProblem.of_field("since", "is a version of another data set.")
    if since.id >= version.id:
        raise ValidationProblem.of_field("since", "is not older than the version; name the older one here.")
    return version, since


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < len(str(2**63))):
        raise ValidationProblem.of_field("cursor", "is not a cursor of this list.")
    return int(cursor)


def _rows_of(call: Call, kind: VersionChangeKind, pair: dict[str, int]) -> Any:
    after, left = 0, COUNTED_ITEMS
    while left and (rows := queries.read_changes(call.session, kind, **pair, after=after, limit=min(left, _BATCH))):
        yield from rows
        after, left = rows[-1][0], left - len(rows)


def _shape(kind: VersionChangeKind, row: Any) -> VersionChange:
    _, unit_id, name, before, after = row
    return VersionChange(
        kind=kind,
        data_unit_id=unit_id,
        data_unit_name=name,
        before=None if kind is VersionChangeKind.ADDED else dict(_classes(before)),
        after=None if kind is VersionChangeKind.REMOVED else dict(_classes(after)),
    )


def _add(classes: dict[str, ClassDifference], row: Any) -> None:
    for name, count in _classes(row[3]).items():
        classes.setdefault(name, ClassDifference()).before += count
    for name, count in _classes(row[4]).items():
        classes.setdefault(name, ClassDifference()).after += count


def _classes(text: str | None) -> Counter[str]:
    """Annotations per class; annotations of no class are not counted."""
    if text is None:
        return Counter()
    found = msgspec.json.decode(text, type=_Annotated)
    return Counter(each.category for each in found.annotations if each.category)
