"""What differs between two released versions of a data set: one row per data unit.

A version is a set of events. What both hold is the same event, so that only the others are looked at: the version's
primary key is walked, the other version's is asked, and a data unit's events are found by their index.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session, aliased

from synapse_sdk.wire.ground_truth import VersionChangeKind
from web_helper.backend.models import DataUnit, GroundTruthEvent, VersionEvent

# An event in one version, and the other version's event about the same data unit.
_Own, _OwnPlace = aliased(GroundTruthEvent), aliased(VersionEvent)
_Other, _OtherPlace = aliased(GroundTruthEvent), aliased(VersionEvent)


def count_changes(session: Session, kind: VersionChangeKind, *, since: int, version: int) -> int:
    """How many data units differ in this way."""
    rows = _changes(kind, since, version, _OwnPlace.pgh_id).subquery()
    return session.scalar(select(func.count()).select_from(rows)) or 0


def read_changes(
    session: Session, kind: VersionChangeKind, *, since: int, version: int, after: int = 0, limit: int
) -> list[Row[Any]]:
    """`(key, data unit's id, its name, data before, data after)` in the order of the key; one page."""
    other = _data_of_other(version if kind is VersionChangeKind.REMOVED else since)
    sides = (_Own.data, other) if kind is VersionChangeKind.REMOVED else (other, _Own.data)
    statement = _changes(kind, since, version, _OwnPlace.pgh_id, DataUnit.id, DataUnit.name, *sides)
    statement = statement.join(DataUnit, DataUnit.id == _Own.data_unit_id).where(_OwnPlace.pgh_id > after)
    return list(session.execute(statement.order_by(_OwnPlace.pgh_id).limit(limit)))


def _changes(kind: VersionChangeKind, since: int, version: int, *columns: Any) -> Select[Any]:
    own, other = (since, version) if kind is VersionChangeKind.REMOVED else (version, since)
    shared = select(_OtherPlace.pgh_id).where(_OtherPlace.version_id == other, _OtherPlace.pgh_id == _OwnPlace.pgh_id)
    statement = (
        select(*columns)
        .select_from(_OwnPlace)
        .join(_Own, _Own.pgh_id == _OwnPlace.pgh_id)
        .where(_OwnPlace.version_id == own, ~shared.correlate(_OwnPlace).exists())
    )
    partner = _partner(other)
    if kind is VersionChangeKind.CHANGED:
        # An event may have brought back what was there: that is no change.
        return statement.where(partner.where(_Other.data.is_distinct_from(_Own.data)).exists())
    return statement.where(~partner.exists())


def _partner(other: int) -> Select[Any]:
    """The other version's event about the data unit; there is at most one."""
    return (
        select(_Other.pgh_id)
        .join(_OtherPlace, (_OtherPlace.pgh_id == _Other.pgh_id) & (_OtherPlace.version_id == other))
        .where(_Other.data_unit_id == _Own.data_unit_id, _Other.dataset_id == _Own.dataset_id)
        .correlate(_Own)
    )


def _data_of_other(other: int) -> Any:
    return _partner(other).with_only_columns(_Other.data).scalar_subquery()
