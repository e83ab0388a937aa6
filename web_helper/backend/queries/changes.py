"""What changed since a position in the log that triggers keep (revision 0003): one indexed query.

A position names a moment in the sight of one snapshot. On PostgreSQL a snapshot can see a later transaction and not yet
an earlier one, so its position is that of the oldest transaction that it cannot see, and "since" may repeat a change
that it has seen. That is harmless: a changed row is read again, never patched.

Changes of a data unit, a file or a tag are noted once, whatever the number of rows that show them; the rows are found
here, through the indexes on what they refer to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, select, text, union_all, update
from sqlalchemy.orm import Session

from synapse_sdk.wire.bundle import ExportTarget
from web_helper.backend.models import (
    Assignment,
    ChangeCheckpoint,
    ChangeKind,
    ChangeLog,
    DataUnitFile,
    GroundTruthDataset,
    GroundTruthEvent,
    Task,
    assignment_tags,
    row_changes,
    task_tags,
)
from web_helper.backend.models.base import utc_now

# The scope of data units, files and tags: a data unit may be in several projects.
SHARED = 0
ROWS_PER_FETCH = 1000
# In one transaction of SQLite: a twentieth of a second.
CHANGES_AT_ONCE = 50_000
_LOG = row_changes.c


@dataclass(frozen=True)
class Scope:
    """Whose changes count: those of one target's rows in one project.

    Attributes:
        with_users: The selection asks who is assigned to a task, so a task changes with its assignments.
    """

    target: ExportTarget
    project_id: int
    with_users: bool = False


@dataclass(frozen=True)
class LogState:
    """Whose log this is, the oldest position from which it is complete, and the newest that it has given."""

    epoch: str
    floor: int
    newest: int


def read_state(session: Session) -> LogState:
    """The log's state in the session's snapshot."""
    epoch, floor = session.execute(select(ChangeLog.epoch, ChangeLog.floor)).one()
    if _is_postgres(session):
        # Ids of transactions mean nothing on another server, which a restored dump may find itself on.
        epoch += str(session.scalar(text("SELECT system_identifier FROM pg_control_system()")))
    return LogState(epoch, floor, _read_newest(session))


def read_position(session: Session, scope: Scope) -> int:
    """The scope's position: all that is logged before it, the session's snapshot has seen.

    Only the scope's own changes move it (and cutting the log), so that equal rows have equal positions. Index: kind,
    scope_id, mark.
    """
    state = read_state(session)
    ranges = [(kind, SHARED) for kind in (ChangeKind.UNIT, ChangeKind.FILE, ChangeKind.TAG)]
    if scope.target is ExportTarget.GROUND_TRUTH:
        datasets = session.scalars(select(GroundTruthDataset.id).where(_of_project(scope)))
        ranges += [(ChangeKind.EVENT, dataset_id) for dataset_id in datasets]
    if scope.target is ExportTarget.TASK:
        ranges.append((ChangeKind.TASK, scope.project_id))
    if scope.target is ExportTarget.ASSIGNMENT or scope.with_users:
        ranges.append((ChangeKind.ASSIGNMENT, scope.project_id))
    # Nothing between the last logged mark and the newest position can be logged any more.
    seen = [_last_mark(session, kind, scope_id, state.newest) for kind, scope_id in ranges]
    return max(*(mark + 1 for mark in seen), state.floor)


def changed_rows(scope: Scope, since: int) -> Select[Any]:
    """`row_id, mark` of rows that changed, appeared or went at a position or later; a row may come more than once."""
    rows = union_all(*_CHANGED[scope.target](scope, since)).subquery("changed")
    return select(rows.c.row_id, rows.c.mark)


def iterate_changed(session: Session, scope: Scope, since: int) -> Iterator[tuple[int, int]]:
    """The rows of `changed_rows`, streamed."""
    options = {"yield_per": ROWS_PER_FETCH}
    for row in session.execute(changed_rows(scope, since), execution_options=options):
        yield row[0], row[1]


def last_checkpoint(session: Session) -> datetime | None:
    """When the log was last noted; a table of few rows."""
    return session.scalar(select(func.max(ChangeCheckpoint.noted)))


def add_checkpoint(session: Session) -> None:
    """Note how far the log is now."""
    session.add(ChangeCheckpoint(mark=_read_newest(session), noted=utc_now()))


def raise_floor(session: Session, before: datetime) -> None:
    """Let the log begin at a time, as far as checkpoints tell: marks from before are refused from now on."""
    reached = (
        select(ChangeCheckpoint).where(ChangeCheckpoint.noted < before).order_by(ChangeCheckpoint.id.desc()).limit(1)
    )
    checkpoint = session.scalar(reached)
    if checkpoint is not None:
        session.execute(update(ChangeLog).values(floor=checkpoint.mark))
        session.execute(delete(ChangeCheckpoint).where(ChangeCheckpoint.id <= checkpoint.id))


def forget_some(session: Session) -> int:
    """Forget the next changes from before the log begins; how many, 0 when none is left.

    All of them at once on PostgreSQL, where nobody waits for that.
    """
    end: int = session.scalars(select(ChangeLog.floor)).one()
    if not _is_postgres(session):
        end = min(end, (session.scalar(select(func.min(_LOG.mark))) or 0) + CHANGES_AT_ONCE)
    gone: Any = session.execute(delete(row_changes).where(_LOG.mark < end))
    return int(gone.rowcount)


def _is_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _read_newest(session: Session) -> int:
    if _is_postgres(session):
        return int(session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")) or 0)
    # One writer at a time: the numbers ascend in the order of the commits.
    return int(session.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'row_changes'")) or 0) + 1


def _last_mark(session: Session, kind: ChangeKind, scope_id: int, before: int) -> int:
    found = select(func.max(_LOG.mark)).where(_LOG.kind == int(kind), _LOG.scope_id == scope_id, _LOG.mark < before)
    return session.scalar(found) or 0


def _of_project(scope: Scope) -> Any:
    return GroundTruthDataset.project_id == scope.project_id


def _logged(kind: ChangeKind, scope_id: Any, since: int, row_id: Any = _LOG.row_id) -> Select[Any]:
    chosen = select(row_id.label("row_id"), _LOG.mark)
    return chosen.where(_LOG.kind == int(kind), _LOG.scope_id == scope_id, _LOG.mark >= since)


def _changed_units(since: int) -> Any:
    """Data units whose own values, whose files, or whose files' bytes changed."""
    of_files = _logged(ChangeKind.FILE, SHARED, since).subquery("files")
    through_files = select(DataUnitFile.data_unit_id.label("row_id"), of_files.c.mark).join(
        of_files, of_files.c.row_id == DataUnitFile.data_file_id
    )
    return union_all(_logged(ChangeKind.UNIT, SHARED, since), through_files).subquery("units")


def _changed_tasks(scope: Scope, since: int) -> list[Select[Any]]:
    units, tags = _changed_units(since), _logged(ChangeKind.TAG, SHARED, since).subquery("tags")
    is_ours = Task.project_id == scope.project_id
    found = [
        _logged(ChangeKind.TASK, scope.project_id, since),
        select(Task.id, units.c.mark).join(units, units.c.row_id == Task.data_unit_id).where(is_ours),
        select(Task.id, tags.c.mark)
        .join(task_tags, task_tags.c.task_id == Task.id)
        .join(tags, tags.c.row_id == task_tags.c.tag_id)
        .where(is_ours),
    ]
    if scope.with_users:
        through_assignments = _logged(ChangeKind.ASSIGNMENT, scope.project_id, since, _LOG.parent_id)
        found.append(through_assignments.where(_LOG.parent_id.is_not(None)))
    return found


def _changed_assignments(scope: Scope, since: int) -> list[Select[Any]]:
    units, tags = _changed_units(since), _logged(ChangeKind.TAG, SHARED, since).subquery("tags")
    is_ours = Assignment.project_id == scope.project_id
    return [
        _logged(ChangeKind.ASSIGNMENT, scope.project_id, since),
        select(Assignment.id, units.c.mark)
        .join(Task, Task.id == Assignment.task_id)
        .join(units, units.c.row_id == Task.data_unit_id)
        .where(is_ours),
        select(Assignment.id, tags.c.mark)
        .join(assignment_tags, assignment_tags.c.assignment_id == Assignment.id)
        .join(tags, tags.c.row_id == assignment_tags.c.tag_id)
        .where(is_ours),
    ]


def _changed_events(scope: Scope, since: int) -> list[Select[Any]]:
    units = _changed_units(since)
    datasets = select(GroundTruthDataset.id).where(_of_project(scope))
    logged = select(_LOG.row_id, _LOG.mark).where(
        _LOG.kind == int(ChangeKind.EVENT), _LOG.scope_id.in_(datasets), _LOG.mark >= since
    )
    shown = (
        select(GroundTruthEvent.pgh_id, units.c.mark)
        .join(units, units.c.row_id == GroundTruthEvent.data_unit_id)
        .where(GroundTruthEvent.dataset_id.in_(datasets))
    )
    return [logged, shown]


_CHANGED = {
    ExportTarget.TASK: _changed_tasks,
    ExportTarget.ASSIGNMENT: _changed_assignments,
    ExportTarget.GROUND_TRUTH: _changed_events,
}
