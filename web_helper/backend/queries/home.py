"""What the first page asks: few rows of each kind, and counts that stop. Nothing here reads a whole table of items."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from synapse_sdk.wire.devices import NotificationStatus
from synapse_sdk.wire.experiments import ExperimentStatus
from synapse_sdk.wire.jobs import AsyncJobStatus, JobStatus
from synapse_sdk.wire.work import ReviewStatus, WorkStatus
from web_helper.backend.models import (
    Assignment,
    AsyncJob,
    DataFile,
    DeviceConflict,
    Experiment,
    FileStatus,
    Job,
    Member,
    Plugin,
    Project,
    Role,
    Task,
)
from web_helper.backend.queries import async_jobs
from web_helper.backend.queries.experiments.queue import HELD, WAITING
from web_helper.backend.queries.plugins import jobs
from web_helper.backend.queries.work.projects import is_member

LISTED = 5
COUNTED = 10_000
REVIEWING_ROLES = (Role.MANAGER, Role.ADMIN)


def exports_in(
    session: Session, viewer_id: int | None, statuses: Collection[AsyncJobStatus], since: datetime | None = None
) -> Sequence[AsyncJob]:
    """The newest durable jobs in these states (index: status), without bundles that another export takes."""
    taken = select(AsyncJob.bundle_job_id).where(AsyncJob.bundle_job_id.is_not(None))
    query = select(AsyncJob).where(AsyncJob.status.in_(statuses), AsyncJob.id.not_in(taken))
    if since is not None:
        query = query.where(AsyncJob.created >= since)
    query = _seen(query, async_jobs.LISTING.visible_to, viewer_id)
    return session.scalars(query.order_by(AsyncJob.created.desc()).limit(LISTED)).all()


def jobs_in(session: Session, viewer_id: int | None, statuses: Collection[JobStatus], since: datetime) -> Sequence[Job]:
    """The newest runs of plugins in these states since then (index: created, id)."""
    query = select(Job).options(*jobs.LISTING.loads).where(Job.created >= since, Job.status.in_(statuses))
    query = _seen(query, jobs.LISTING.visible_to, viewer_id)
    return session.scalars(query.order_by(Job.created.desc(), Job.id.desc()).limit(LISTED)).all()


def experiments_at_work(session: Session) -> Sequence[Experiment]:
    """Experiments that a device holds, then those that wait for one (index: status, rank, id)."""
    held = _newest_experiments(session, Experiment.status.in_(HELD), LISTED)
    waiting = _newest_experiments(session, Experiment.status.in_(WAITING), LISTED - len(held))
    return [*held, *waiting]


def experiments_failed(session: Session, since: datetime) -> Sequence[Experiment]:
    """Experiments that failed lately (index: status, rank, id)."""
    failed = Experiment.status.in_((ExperimentStatus.FAILED, ExperimentStatus.CRASHED))
    return _newest_experiments(session, failed & (Experiment.created >= since), LISTED)


def count_conflicts(session: Session) -> int:
    """Conflicts that nobody has answered, at most one more than `COUNTED` (index: status, id)."""
    return _count(session, select(DeviceConflict.id).where(DeviceConflict.status == NotificationStatus.PENDING))


def count_reviews(session: Session, viewer_id: int | None) -> int:
    """Finished assignments that wait for the caller's review (index: ix_assignments_to_review)."""
    query = select(Assignment.id).where(
        Assignment.status_label == WorkStatus.COMPLETED,
        Assignment.status_review == ReviewStatus.PENDING,
        Assignment.is_discarded.is_(False),
    )
    if viewer_id is not None:
        reviewed = select(Member.project_id).where(Member.user_id == viewer_id, Member.role.in_(REVIEWING_ROLES))
        query = query.where(Assignment.project_id.in_(reviewed))
    return _count(session, query)


def count_projects(session: Session, viewer_id: int | None) -> int:
    """Projects that the caller sees."""
    return _count(session, _seen(select(Project.id), lambda user_id: is_member(Project.id, user_id), viewer_id))


def count_tasks(session: Session, viewer_id: int | None) -> int:
    """Tasks that the caller sees (index: project_id, id)."""
    query = select(Task.id)
    if viewer_id is not None:
        query = query.where(Task.project_id.in_(select(Member.project_id).where(Member.user_id == viewer_id)))
    return _count(session, query)


def count_experiments(session: Session) -> int:
    """All experiments."""
    return _count(session, select(Experiment.id))


def count_plugins(session: Session) -> int:
    """All plugins."""
    return _count(session, select(Plugin.id))


def sum_file_bytes(session: Session) -> dict[int, int]:
    """Bytes of the files in each storage. It reads them all: ask now and then, not for every page."""
    query = select(DataFile.storage_id, func.sum(DataFile.size_bytes)).where(DataFile.status == FileStatus.CONFIRMED)
    return {row[0]: int(row[1]) for row in session.execute(query.group_by(DataFile.storage_id))}


def _newest_experiments(session: Session, condition: ColumnElement[bool], limit: int) -> Sequence[Experiment]:
    return session.scalars(select(Experiment).where(condition).order_by(Experiment.id.desc()).limit(limit)).all()


def _seen(query: Select[Any], visible_to: Any, viewer_id: int | None) -> Select[Any]:
    return query if viewer_id is None or visible_to is None else query.where(visible_to(viewer_id))


def _count(session: Session, query: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(query.limit(COUNTED + 1).subquery())) or 0
