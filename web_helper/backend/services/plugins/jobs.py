"""Runs of plugins: starting one, and what a run says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from synapse_sdk.wire.agents import ExitKind
from synapse_sdk.wire.jobs import JobStatus
from synapse_sdk.wire.plugins import ConsoleLogs, JobChange, JobCreate
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem
from web_helper.backend.models import Job, PluginRelease
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.plugins import jobs as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.lists import read_row

# Enough to find out what went wrong; the whole output belongs into the run's own files.
MAX_CONSOLE_CHARACTERS = 2_000_000
# How a run began is kept, too: an agent that follows a run closely hands over more than fits.
HEAD_CHARACTERS = 100_000
LEFT_OUT = "\n[output was left out here: it printed too much]\n"

FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED})


def find_job(call: Call, job_id: str) -> Job:
    """A run that the caller may see."""
    job: Job = read_row(call, queries.LISTING, job_id)
    return job


def create_job(call: Call, body: JobCreate) -> Job:
    """Add a run that the caller carries out; with the id of one of their own, that one."""
    job_id = str(body.id or uuid4())
    known = call.session.get(Job, job_id)
    if known is not None:
        if known.user_id != call.actor.user_id or known.action != body.action:
            raise ConflictProblem(f"There is another job {job_id} already; send another id, or none.")
        return known
    if body.plugin_release is not None and call.session.get(PluginRelease, body.plugin_release) is None:
        raise NotFoundProblem.of("plugin release", body.plugin_release)
    job = Job(
        id=job_id,
        plugin_release_id=body.plugin_release,
        user_id=call.actor.user_id,
        action=body.action,
        params=dict(body.params),
        status=JobStatus.PENDING,
        progress_record={},
        metrics_record={},
    )
    _set_status(job, body.status)
    call.session.add(job)
    call.session.flush()
    return job


def update_job(call: Call, job_id: str, body: JobChange) -> Job:
    """Write down what a run says; reports that arrive late are kept, but a run that ended does not start again."""
    job = find_job(call, job_id)
    changes = body.model_dump(exclude_unset=True)
    if body.status is not None:
        _take_status(job, body.status)
    for name in ("progress_record", "metrics_record"):
        if changes.get(name) is not None:
            setattr(job, name, changes[name])
    if "result" in changes:
        job.result = changes["result"]
    if job.agent_id is None and body.error is not None:
        job.error = body.error
    if body.console_logs is not None:
        text = body.console_logs if isinstance(body.console_logs, str) else "\n".join(body.console_logs)
        job.console_logs, job.console_size = bounded_console(text), len(text.encode())
    call.session.flush()
    return job


def stop_job(call: Call, job_id: str) -> Job:
    """Ask a run to stop. One that waits has stopped with this; one on an agent stops when the agent says so."""
    job = find_job(call, job_id)
    _request_stop(job)
    call.session.flush()
    return job


def delete_job(call: Call, job_id: str) -> None:
    """Delete a run that has ended, with its logs."""
    job = find_job(call, job_id)
    if job.status not in FINAL:
        raise ConflictProblem(f"Job {job_id} has not ended; stop it first.")
    call.session.delete(job)


def read_console_logs(call: Call, job_id: str, after: int = 0) -> ConsoleLogs:
    """What a run has printed, from `after` bytes on."""
    job = find_job(call, job_id)
    kept = queries.console_logs(call.session, job.id).encode()
    news = max(job.console_size - after, 0)
    text = kept[max(len(kept) - news, 0) :] if after else kept
    return ConsoleLogs(console_logs=text.decode(errors="ignore"), size_bytes=job.console_size)


def bounded_console(text: str) -> str:
    """The beginning and the end of what a run printed, when all of it is too much; more can be added to either."""
    if len(text) <= MAX_CONSOLE_CHARACTERS:
        return text
    head = text[:HEAD_CHARACTERS]
    return head + LEFT_OUT + text[len(head) + len(LEFT_OUT) - MAX_CONSOLE_CHARACTERS :]


@dataclass(frozen=True)
class ConsoleState:
    """What is kept of a run's output.

    Attributes:
        size_bytes: All that it has printed; None where nobody counts, as its output is replaced whole.
        has_ended: Whether no more will come.
    """

    text: str
    size_bytes: int | None
    has_ended: bool

    def after(self, sent: str, sent_bytes: int) -> str:
        """What is new, for who was sent the text before, of so many bytes with what was left out of it."""
        if self.text.startswith(sent):
            return self.text[len(sent) :]
        if self.size_bytes is None:
            return self.text
        # A part in the middle went, as it was too much: what is new is at the end.
        news = self.size_bytes - sent_bytes
        return self.text.encode()[-news:].decode(errors="ignore") if news > 0 else ""


def console_state(call: Call, job_id: str) -> ConsoleState:
    """What a run has printed, and whether it has ended."""
    job = find_job(call, job_id)
    counted = job.console_size if job.agent_id is not None else None
    return ConsoleState(queries.console_logs(call.session, job.id), counted, job.status in FINAL)


def _take_status(job: Job, status: JobStatus) -> None:
    if job.agent_id is None:
        _set_status(job, status)
    elif status is JobStatus.STOPPED:
        _request_stop(job)
    elif status != job.status:
        raise ConflictProblem(f"Job {job.id} runs on an agent, which alone says how it goes; you may stop it.")


def _request_stop(job: Job) -> None:
    if job.status in FINAL:
        return
    job.stop_requested_at = job.stop_requested_at or utc_now()
    if job.agent_id is None or job.status == JobStatus.PENDING:
        _set_status(job, JobStatus.STOPPED)
        job.exit_kind = ExitKind.STOPPED


def _set_status(job: Job, status: JobStatus) -> None:
    before = JobStatus(job.status)
    if before in FINAL and status != before:
        raise ConflictProblem(f"Job {job.id} has {before.value}; its status does not change any more.")
    job.status = status
    if status is not JobStatus.PENDING and job.started is None:
        job.started = utc_now()
    if status in FINAL and job.finished is None:
        job.finished = utc_now()
