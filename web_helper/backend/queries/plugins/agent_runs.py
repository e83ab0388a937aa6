"""Runs as their agent sees them. Lists walk `ix_jobs_agent_id_status`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session, undefer

from synapse_sdk.wire.jobs import JobStatus
from web_helper.backend.models import Agent, Job, Token

ACTIVE = (JobStatus.PENDING, JobStatus.RUNNING)


def pending_job_ids(session: Session, agent_id: int, limit: int) -> list[str]:
    """Jobs that wait for this agent, oldest first."""
    query = select(Job.id).where(Job.agent_id == agent_id, Job.status == JobStatus.PENDING)
    return list(session.scalars(query.order_by(Job.created, Job.id).limit(limit)))


def job_ids_to_stop(session: Session, agent_id: int) -> list[str]:
    """Runs of this agent that someone wants stopped."""
    query = select(Job.id).where(Job.agent_id == agent_id, Job.status == JobStatus.RUNNING)
    return list(session.scalars(query.where(Job.stop_requested_at.is_not(None))))


def active_job_ids(session: Session, agent_id: int, statuses: Collection[JobStatus] = ACTIVE) -> list[str]:
    """Jobs of this agent in these states."""
    return list(session.scalars(select(Job.id).where(Job.agent_id == agent_id, Job.status.in_(statuses))))


def job_of_agent(session: Session, agent_id: int, job_id: str) -> Job | None:
    """A job of this agent, locked until the transaction ends, with what it has printed."""
    query = select(Job).where(Job.id == job_id, Job.agent_id == agent_id)
    return session.scalar(query.options(undefer(Job.console_logs)).with_for_update(of=Job))


def jobs_of_silent_agents(session: Session, heard_before: datetime) -> list[Job]:
    """Unfinished jobs whose agent has not been heard from since then; a job younger than that has time yet."""
    silent = or_(Agent.last_seen_at < heard_before, Agent.last_seen_at.is_(None))
    query = select(Job).join(Agent, Agent.id == Job.agent_id).where(Job.status.in_(ACTIVE), silent)
    return list(session.scalars(query.where(Job.created < heard_before).with_for_update(of=Job)))


def delete_run_tokens(session: Session, job_id: str) -> None:
    """Forget the keys of a run (index: tokens.job_id)."""
    session.execute(delete(Token).where(Token.job_id == job_id))
