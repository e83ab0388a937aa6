"""Structured events of runs. Lists of one job walk `ix_job_logs_job_id_id`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from web_helper.backend.models import Job, JobLog
from web_helper.backend.queries.data.upsert import insert_missing
from web_helper.backend.queries.filters import Listing, common_filters, contains_text, strings

LISTING = Listing(
    noun="job logs",
    entity=JobLog,
    keys=(JobLog.id,),
    filters={
        **common_filters(JobLog.id, contains_text(JobLog.event), searched="the event"),
        "job": strings(JobLog.job_id, "Entries of these jobs."),
        "event": strings(JobLog.event, "Entries of these events."),
        "level": strings(JobLog.level, "Entries of these levels."),
    },
    visible_to=lambda user_id: JobLog.job_id.in_(select(Job.id).where(Job.user_id == user_id)),
)


def insert_logs(session: Session, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add entries whose uid is new; returns how many were."""
    if not rows:
        return 0
    statement = insert_missing(session, JobLog).returning(JobLog.id)
    return len(session.execute(statement, rows).all())


def visible_job_ids(session: Session, job_ids: Sequence[str], viewer_id: int | None) -> set[str]:
    """Those of the jobs that exist and that the user may see."""
    query = select(Job.id).where(Job.id.in_(job_ids))
    if viewer_id is not None:
        query = query.where(Job.user_id == viewer_id)
    return set(session.scalars(query))
