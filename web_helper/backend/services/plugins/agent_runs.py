"""What an agent asks and tells about its runs: which to start and to stop, what they print, how they end.

A job belongs to one agent from the start; the agent may ask and tell everything twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from synapse_sdk.wire.accounts import Scope
from synapse_sdk.wire.agents import Claim, ClaimRequest, ConsolePart, ExitKind, RunEnding, RunReport
from synapse_sdk.wire.jobs import JobStatus
from web_helper.backend.core.problems import AuthenticationProblem, ConflictProblem, NotFoundProblem
from web_helper.backend.models import Agent, DataFile, Job, PluginRelease
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.plugins import agent_runs as queries
from web_helper.backend.queries.plugins.agents import agent_by_key_hash
from web_helper.backend.queries.plugins.serve_applications import release_named
from web_helper.backend.services.authentication import add_token, hash_key
from web_helper.backend.services.plugins.jobs import FINAL, bounded_console

# Longer than any run; the key is deleted when its run ends.
RUN_TOKEN_LIFE = timedelta(days=30)
RUN_SCOPES = frozenset({Scope.READ.value, Scope.WRITE.value})
FORGOTTEN = "The agent does not know this run any more: its home was lost or replaced. Run it again."
DELETED = "The agent that ran it was deleted from the server."


def find_agent(session: Session, key: str | None) -> Agent:
    """The agent of a key.

    Raises:
        AuthenticationProblem: No agent has this key.
    """
    agent = agent_by_key_hash(session, hash_key(key)) if key else None
    if agent is None:
        raise AuthenticationProblem("No agent has this key; register the agent again.")
    return agent


def note_alive(session: Session, agent: Agent, request: ClaimRequest) -> None:
    """The agent lives; runs that the server believes to be there, and that it does not know, are lost."""
    agent.last_seen_at = utc_now()
    known = {str(job_id) for job_id in request.runs}
    for job_id in set(queries.active_job_ids(session, agent.id, [JobStatus.RUNNING])) - known:
        job = queries.job_of_agent(session, agent.id, job_id)
        if job is not None and job.status == JobStatus.RUNNING:
            end_lost(session, job, FORGOTTEN)
    session.flush()


def find_work(session: Session, agent: Agent, request: ClaimRequest) -> Claim:
    """Jobs that wait for this agent, within its free slots, and runs to stop."""
    known = {str(job_id) for job_id in request.runs}
    waiting = queries.pending_job_ids(session, agent.id, request.free_slots) if request.free_slots else []
    return Claim(start=waiting, stop=[job for job in queries.job_ids_to_stop(session, agent.id) if job in known])


def take_job(session: Session, agent: Agent, job_id: str) -> tuple[Job, PluginRelease, str | None]:
    """The agent takes a job: from here on it runs. Taking it again gives a new key; the former works no more.

    Raises:
        ConflictProblem: It has ended or was stopped meanwhile, or its release is gone.
    """
    job = _job_of(session, agent, job_id)
    if job.status in FINAL or (job.status == JobStatus.PENDING and job.stop_requested_at is not None):
        raise ConflictProblem(f"Job {job_id} has {JobStatus(job.status).value}.")
    release = session.get(PluginRelease, job.plugin_release_id) if job.plugin_release_id else None
    if release is None or release.data_file is None:
        raise ConflictProblem(f"The release of job {job_id} is gone.")
    job.status, job.started = JobStatus.RUNNING, job.started or utc_now()
    queries.delete_run_tokens(session, job.id)
    return job, release, _issue_key(session, job)


def release_with_archive(session: Session, name: str) -> tuple[PluginRelease, DataFile]:
    """A release by `code@version`, and its archive.

    Raises:
        NotFoundProblem: There is no such release, or it has no archive.
    """
    release = release_named(session, name)
    if release is None or release.data_file is None:
        raise NotFoundProblem(f"There is no release {name!r}; `code@version` names one.")
    return release, release.data_file


def report_run(session: Session, agent: Agent, job_id: str, report: RunReport) -> Job:
    """Take in what a run printed and how it ended."""
    job = _job_of(session, agent, job_id)
    if report.console is not None:
        _append(job, report.console)
    # What was given up as lost has come back with its true end.
    if report.ending is not None and (job.status not in FINAL or job.exit_kind == ExitKind.LOST):
        _end(session, job, report.ending)
    session.flush()
    return job


def end_lost(session: Session, job: Job, reason: str) -> None:
    """Give a run up."""
    _end(session, job, RunEnding(status=JobStatus.FAILED, exit_kind=ExitKind.LOST, error=reason))


def end_runs_of_deleted(session: Session, agent: Agent) -> None:
    """An agent is deleted: nobody will report its runs."""
    for job_id in queries.active_job_ids(session, agent.id):
        job = queries.job_of_agent(session, agent.id, job_id)
        if job is not None:
            end_lost(session, job, DELETED)
    session.flush()


def end_runs_of_silent(session: Session, heard_before: datetime) -> list[str]:
    """Give up the jobs of agents that have been silent for too long; their ids."""
    jobs = queries.jobs_of_silent_agents(session, heard_before)
    for job in jobs:
        began = "it may still run there" if job.status == JobStatus.RUNNING else "it was never started"
        end_lost(session, job, f"Its agent has not been heard from for too long; {began}.")
    return [job.id for job in jobs]


def _job_of(session: Session, agent: Agent, job_id: str) -> Job:
    job = queries.job_of_agent(session, agent.id, job_id)
    if job is None:
        raise NotFoundProblem.of("job", job_id)
    return job


def _issue_key(session: Session, job: Job) -> str | None:
    scopes = sorted(RUN_SCOPES & set(job.scopes))
    if job.user_id is None or not scopes:
        return None
    token, key = add_token(session, job.user_id, f"run of job {job.id}", scopes)
    token.job_id, token.expires_at = job.id, utc_now() + RUN_TOKEN_LIFE
    session.flush()
    return key


def _append(job: Job, part: ConsolePart) -> None:
    if part.position < job.console_size:
        return
    job.console_logs = bounded_console(job.console_logs + part.text)
    job.console_size = part.position + part.size_bytes


def _end(session: Session, job: Job, ending: RunEnding) -> None:
    job.status, job.exit_kind, job.exit_code = ending.status, ending.exit_kind, ending.exit_code
    job.error, job.result = ending.error, ending.result
    job.started, job.finished = job.started or utc_now(), utc_now()
    if ending.exit_kind is not ExitKind.LOST:
        queries.delete_run_tokens(session, job.id)
