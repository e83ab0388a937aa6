"""Collecting ground truth and releasing it: set operations inside the database, whatever the volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Insert, Subquery, Update, and_, func, insert, literal, select, update
from sqlalchemy.orm import Session

from web_helper.backend.models import (
    Assignment,
    EventLabel,
    GroundTruth,
    GroundTruthDataset,
    GroundTruthDatasetVersion,
    GroundTruthEvent,
    Task,
    VersionEvent,
    WorkStatus,
)
from web_helper.backend.models.base import UtcDateTime, utc_now
from web_helper.backend.queries.filters import select_where
from web_helper.backend.queries.work.tasks import ASSIGNMENTS

# In one transaction: a fifth of a second, for which others who write wait.
UNITS_AT_ONCE = 5_000


def lock_dataset(session: Session, dataset: GroundTruthDataset) -> None:
    """Hold a data set against other writers until the transaction ends, and read it as it is by now."""
    session.refresh(dataset, with_for_update=True)


def has_dataset_named(session: Session, project_id: int, name: str) -> bool:
    """Whether the project has a data set of this name (unique)."""
    owner = and_(GroundTruthDataset.project_id == project_id, GroundTruthDataset.name == name)
    return session.scalar(select(GroundTruthDataset.id).where(owner)) is not None


def has_version_named(session: Session, dataset_id: int, name: str) -> bool:
    """Whether the data set has a version of this name (unique)."""
    owner = and_(GroundTruthDatasetVersion.dataset_id == dataset_id, GroundTruthDatasetVersion.name == name)
    return session.scalar(select(GroundTruthDatasetVersion.id).where(owner)) is not None


def has_versions(session: Session, dataset_id: int) -> bool:
    """Whether anything was released from the data set."""
    statement = select(GroundTruthDatasetVersion.id).where(GroundTruthDatasetVersion.dataset_id == dataset_id).limit(1)
    return session.scalar(statement) is not None


def truth_of_unit(session: Session, dataset_id: int, data_unit_id: int) -> GroundTruth | None:
    """The truth about a data unit (unique)."""
    owner = and_(GroundTruth.dataset_id == dataset_id, GroundTruth.data_unit_id == data_unit_id)
    return session.scalar(select(GroundTruth).where(owner))


@dataclass(frozen=True)
class Span:
    """Data units whose ids are above `after`, up to `upto`; None is up to the last."""

    after: int
    upto: int | None

    def holds(self, unit_id: Any) -> ColumnElement[bool]:
        """Whether a data unit, by the column of its id, is one of them."""
        after: ColumnElement[bool] = unit_id > self.after
        return after if self.upto is None else and_(after, unit_id <= self.upto)


def next_span(session: Session, dataset: GroundTruthDataset, after: int) -> Span:
    """The next data units of the data set's project (unique)."""
    units = select(Task.data_unit_id).where(Task.project_id == dataset.project_id, Task.data_unit_id > after)
    last = units.order_by(Task.data_unit_id).offset(UNITS_AT_ONCE - 1).limit(1)
    return Span(after, session.scalar(last))


def collect(
    session: Session, dataset: GroundTruthDataset, filters: Mapping[str, Any], span: Span
) -> tuple[int, int, int]:
    """Bring the newest completed work about some data units into the data set: inserted, updated, unchanged."""
    chosen = _chosen_work(dataset, filters, span)
    total = session.scalar(select(func.count()).select_from(chosen)) or 0
    updated = _count(session, _log_updates(dataset.id, chosen, span))
    if updated:
        session.execute(_update_truths(dataset.id, chosen, span))
    inserted = _count(session, _insert_truths(dataset.id, chosen))
    if inserted:
        session.execute(_log_inserts(dataset.id, span))
    return inserted, updated, total - inserted - updated


def release(session: Session, version: GroundTruthDatasetVersion) -> int:
    """Put the latest event of every living truth into the version: one statement."""
    latest = (
        select(func.max(GroundTruthEvent.pgh_id).label("pgh_id"))
        .where(GroundTruthEvent.dataset_id == version.dataset_id)
        .group_by(GroundTruthEvent.ground_truth_id)
        .subquery()
    )
    events = (
        select(literal(version.id), GroundTruthEvent.pgh_id)
        .join(latest, latest.c.pgh_id == GroundTruthEvent.pgh_id)
        .where(GroundTruthEvent.pgh_label != EventLabel.DELETE)
    )
    return _count(session, insert(VersionEvent).from_select(["version_id", "pgh_id"], events))


def _chosen_work(dataset: GroundTruthDataset, filters: Mapping[str, Any], span: Span) -> Subquery:
    """Per data unit, the newest assignment that is completed and selected."""
    # By the tasks of the project, not by its assignments: else SQLite would read all of them for each span.
    selection = select_where(ASSIGNMENTS, filters, viewer_id=None)
    newest = (
        selection.apply(select(func.max(Assignment.id)).join(Task, Task.id == Assignment.task_id))
        .where(
            Assignment.status_label == WorkStatus.COMPLETED,
            Assignment.is_discarded.is_(False),
            Task.is_discarded.is_(False),
            Assignment.data.is_not(None),
            Task.project_id == dataset.project_id,
            span.holds(Task.data_unit_id),
        )
        .group_by(Task.data_unit_id)
    )
    return (
        select(Task.data_unit_id.label("data_unit_id"), Assignment.data.label("data"))
        .join(Task, Task.id == Assignment.task_id)
        .where(Assignment.id.in_(newest))
        .subquery()
    )


def _event_columns() -> list[str]:
    return ["pgh_label", "pgh_created", "ground_truth_id", "dataset_id", "data_unit_id", "data"]


def _event_values(label: EventLabel, data: Any) -> list[Any]:
    now = literal(utc_now(), UtcDateTime)
    return [literal(label.value), now, GroundTruth.id, GroundTruth.dataset_id, GroundTruth.data_unit_id, data]


def _log_updates(dataset_id: int, chosen: Subquery, span: Span) -> Insert:
    changed = (
        select(*_event_values(EventLabel.UPDATE, chosen.c.data))
        .join(chosen, chosen.c.data_unit_id == GroundTruth.data_unit_id)
        .where(
            GroundTruth.dataset_id == dataset_id,
            span.holds(GroundTruth.data_unit_id),
            GroundTruth.data.is_distinct_from(chosen.c.data),
        )
    )
    return insert(GroundTruthEvent).from_select(_event_columns(), changed)


def _update_truths(dataset_id: int, chosen: Subquery, span: Span) -> Update:
    return (
        update(GroundTruth)
        .where(
            GroundTruth.dataset_id == dataset_id,
            span.holds(GroundTruth.data_unit_id),
            GroundTruth.data_unit_id == chosen.c.data_unit_id,
            GroundTruth.data.is_distinct_from(chosen.c.data),
        )
        .values(data=chosen.c.data)
        .execution_options(synchronize_session=False)
    )


def _insert_truths(dataset_id: int, chosen: Subquery) -> Insert:
    missing = (
        select(literal(dataset_id), chosen.c.data_unit_id, chosen.c.data, literal(utc_now(), UtcDateTime))
        .outerjoin(
            GroundTruth,
            and_(GroundTruth.dataset_id == dataset_id, GroundTruth.data_unit_id == chosen.c.data_unit_id),
        )
        .where(GroundTruth.id.is_(None))
        .order_by(chosen.c.data_unit_id)
    )
    return insert(GroundTruth).from_select(["dataset_id", "data_unit_id", "data", "created"], missing)


def _log_inserts(dataset_id: int, span: Span) -> Insert:
    logged = select(GroundTruthEvent.pgh_id).where(GroundTruthEvent.ground_truth_id == GroundTruth.id).exists()
    new = (
        select(*_event_values(EventLabel.INSERT, GroundTruth.data))
        .where(GroundTruth.dataset_id == dataset_id, span.holds(GroundTruth.data_unit_id), ~logged)
        .order_by(GroundTruth.id)
    )
    return insert(GroundTruthEvent).from_select(_event_columns(), new)


def _count(session: Session, statement: Any) -> int:
    # Without the option the row count of an INSERT is lost on PostgreSQL.
    result: Any = session.execute(statement, execution_options={"preserve_rowcount": True})
    return int(result.rowcount)
