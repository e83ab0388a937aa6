"""Rows of durable jobs: what is asked of them, and the only transitions that they make.

QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED. A final row never changes its status again, whoever comes late: each
transition reads the row under a lock and does nothing when the row has moved on. `revision` grows with every change
that a watcher should see.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, func, select, type_coerce, update
from sqlalchemy.orm import Session

from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.models import AsyncJob, JobKind, Member, Role
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.filters import (
    Condition,
    Kind,
    Listing,
    common_filters,
    contains_text,
    integers,
    strings,
)

FINAL_STATUSES = (AsyncJobStatus.SUCCEEDED, AsyncJobStatus.FAILED, AsyncJobStatus.CANCELLED)
# A finished export leads to a project's whole data: whoever may start one there may see it, nobody else.
EXPORTING_ROLES = (Role.MANAGER, Role.ADMIN)


def _may_export(user_id: int) -> Condition:
    projects = select(Member.project_id).where(Member.user_id == user_id, Member.role.in_(EXPORTING_ROLES))
    return AsyncJob.project_id.in_(projects)


LISTING = Listing(
    noun="async jobs",
    entity=AsyncJob,
    keys=(AsyncJob.created, AsyncJob.id),
    filters={
        **common_filters(AsyncJob.id, contains_text(AsyncJob.kind), searched="the kind", kind=Kind.STRINGS),
        "kind": strings(AsyncJob.kind, "Jobs of these kinds.", [kind.value for kind in JobKind]),
        "status": strings(AsyncJob.status, "Jobs in these states.", [status.value for status in AsyncJobStatus]),
        "project": integers(AsyncJob.project_id, "Jobs of these projects."),
    },
    visible_to=_may_export,
    sort_name="created",
)


@dataclass(frozen=True)
class JobState:
    """What a watcher of a job gets to see."""

    job_id: str
    revision: int
    status: AsyncJobStatus
    processed: int
    total: int | None
    error: str | None
    started: datetime | None = None
    finished: datetime | None = None
    # As stored: a state is compared and kept, and decoded only when it is told.
    steps: str | None = None


@dataclass(frozen=True)
class JobEnd:
    """How an attempt ended; plain values, because DBOS keeps it."""

    status: AsyncJobStatus
    processed: int = 0
    result: dict[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True)
class UnfinishedJob:
    """A job that still has to end."""

    job_id: str
    kind: JobKind
    status: AsyncJobStatus


@dataclass(frozen=True)
class JobTally:
    """Jobs of one kind and status, and the rows that they have processed."""

    kind: str
    status: str
    jobs: int
    rows: int


def find_job(session: Session, job_id: str) -> AsyncJob | None:
    """One row, by its primary key."""
    return session.get(AsyncJob, job_id)


def find_by_key(session: Session, idempotency_key: str) -> AsyncJob | None:
    """The job that an equal request made, by the unique index on the key."""
    return session.scalar(select(AsyncJob).where(AsyncJob.idempotency_key == idempotency_key))


def read_states(session: Session, job_ids: Collection[str]) -> list[JobState]:
    """States of the watched jobs in one statement, by primary key; no row is loaded as an object."""
    columns = (
        AsyncJob.id, AsyncJob.revision, AsyncJob.status, AsyncJob.processed, AsyncJob.total, AsyncJob.error,
        AsyncJob.started, AsyncJob.finished, type_coerce(AsyncJob.steps, Text),
    )  # fmt: skip
    rows = session.execute(select(*columns).where(AsyncJob.id.in_(job_ids)))
    return [JobState(row[0], row[1], AsyncJobStatus(row[2]), *row[3:]) for row in rows]


def list_unfinished(session: Session) -> Sequence[UnfinishedJob]:
    """The jobs that still have to end, by the index on status."""
    unfinished = (AsyncJobStatus.QUEUED, AsyncJobStatus.RUNNING)
    columns = (AsyncJob.id, AsyncJob.kind, AsyncJob.status)
    rows = session.execute(select(*columns).where(AsyncJob.status.in_(unfinished)))
    return [UnfinishedJob(row[0], JobKind(row[1]), AsyncJobStatus(row[2])) for row in rows]


def list_expired(session: Session, kind: JobKind, finished_before: datetime) -> Sequence[AsyncJob]:
    """Jobs of a kind whose bundle has been kept long enough, by the index on status."""
    query = select(AsyncJob).where(
        AsyncJob.status == AsyncJobStatus.SUCCEEDED,
        AsyncJob.kind == kind,
        AsyncJob.finished < finished_before,
        AsyncJob.result.is_not(None),
    )
    return session.scalars(query).all()


def tally_jobs(session: Session) -> list[JobTally]:
    """How many jobs there are, and how many rows they have processed; one pass over a table of few rows."""
    columns = (AsyncJob.kind, AsyncJob.status, func.count(), func.sum(AsyncJob.processed))
    rows = session.execute(select(*columns).group_by(AsyncJob.kind, AsyncJob.status))
    return [JobTally(row[0], str(row[1]), row[2], int(row[3])) for row in rows]


def bundle_bytes(session: Session) -> dict[str, int]:
    """Bytes of the rows in finished bundles, and of archives, that are still there, by kind."""
    sizes: dict[str, int] = {}
    rows = session.execute(select(AsyncJob.kind, AsyncJob.result).where(AsyncJob.result.is_not(None)))
    for kind, result in rows:
        parts = [result["archive"]] if "archive" in result else result["manifest"]["parts"]
        sizes[kind] = sizes.get(kind, 0) + sum(part["size_bytes"] for part in parts)
    return sizes


def durations(session: Session) -> list[tuple[str, str, float]]:
    """Kind, status and seconds from begin to end of every job that has ended."""
    query = select(AsyncJob.kind, AsyncJob.status, AsyncJob.started, AsyncJob.finished)
    query = query.where(AsyncJob.started.is_not(None), AsyncJob.finished.is_not(None))
    return [
        (kind, str(status), (end - begin).total_seconds())
        for kind, status, begin, end in session.execute(query)
        if begin and end
    ]


def begin_attempt(session: Session, job_id: str) -> AsyncJob | None:
    """Mark the job as running under a new attempt number; None when it has ended already."""
    job = _lock(session, job_id)
    if job is None or job.status in FINAL_STATUSES:
        return None
    job.attempt += 1
    job.status = AsyncJobStatus.RUNNING
    job.started = job.started or utc_now()
    job.revision += 1
    return job


def record_total(session: Session, job_id: str, attempt: int, total: int) -> None:
    """Note how many rows the attempt's snapshot has."""
    job = lock_attempt(session, job_id, attempt)
    if job is None:
        return
    job.total = total
    job.processed = min(job.processed, total)
    job.revision += 1


def record_progress(session: Session, job_id: str, attempt: int, processed: int) -> None:
    """Note how far the attempt is. Behind an earlier attempt nothing changes: progress never goes back."""
    statement = (
        update(AsyncJob)
        .where(
            AsyncJob.id == job_id,
            AsyncJob.attempt == attempt,
            AsyncJob.status == AsyncJobStatus.RUNNING,
            AsyncJob.processed < processed,
        )
        .values(processed=processed, revision=AsyncJob.revision + 1)
        .execution_options(synchronize_session=False)
    )
    session.execute(statement)


def record_steps(session: Session, job_id: str, attempt: int, steps: list[dict[str, Any]]) -> None:
    """Note how far each step of the attempt is."""
    job = lock_attempt(session, job_id, attempt)
    if job is not None:
        job.steps = steps
        job.revision += 1


def must_stop(session: Session, job_id: str, attempt: int) -> bool:
    """Whether the attempt was cancelled, overtaken or ended from outside."""
    row = session.execute(
        select(AsyncJob.status, AsyncJob.attempt, AsyncJob.is_cancel_requested).where(AsyncJob.id == job_id)
    ).one_or_none()
    return row is None or row[0] != AsyncJobStatus.RUNNING or row[1] != attempt or row[2]


def end_attempt(session: Session, job_id: str, attempt: int, end: JobEnd) -> AsyncJob | None:
    """Record the end, unless the attempt was overtaken. A wish to cancel that came in time wins over success."""
    job = lock_attempt(session, job_id, attempt)
    if job is None:
        return None
    is_cancelled = job.is_cancel_requested
    job.status = AsyncJobStatus.CANCELLED if is_cancelled else end.status
    job.result = None if is_cancelled else end.result
    job.error = None if is_cancelled else end.error
    job.processed = max(job.processed, end.processed)
    _finish(job)
    return job


def fail_job(session: Session, job_id: str, error: str) -> AsyncJob | None:
    """End a job that no worker will ever end; None when it has ended already."""
    job = _lock(session, job_id)
    if job is None or job.status in FINAL_STATUSES:
        return None
    job.status, job.error = AsyncJobStatus.FAILED, error
    _finish(job)
    return job


def request_cancel(session: Session, job_id: str) -> AsyncJob | None:
    """Ask a running job to stop; a queued one ends here and now."""
    job = _lock(session, job_id)
    if job is None or job.status in FINAL_STATUSES:
        return job
    job.is_cancel_requested = True
    if job.status == AsyncJobStatus.QUEUED:
        job.status = AsyncJobStatus.CANCELLED
        _finish(job)
    return job


def forget_bundle(session: Session, job_id: str, note: str) -> None:
    """Note that the bundle is gone, and free the key so that an equal request makes a new one."""
    job = _lock(session, job_id)
    if job is not None:
        job.result, job.error, job.idempotency_key = None, note, None
        job.revision += 1


def lock_attempt(session: Session, job_id: str, attempt: int) -> AsyncJob | None:
    """The job, held until the transaction ends; None when it has ended or another attempt has begun."""
    job = _lock(session, job_id)
    if job is None or job.attempt != attempt or job.status != AsyncJobStatus.RUNNING:
        return None
    return job


def _lock(session: Session, job_id: str) -> AsyncJob | None:
    # SQLite holds its one write lock already (BEGIN IMMEDIATE); PostgreSQL locks the row.
    return session.get(AsyncJob, job_id, with_for_update=True)


def _finish(job: AsyncJob) -> None:
    job.finished = utc_now()
    job.revision += 1
