"""One export that the platform converts: the rows into a bundle, the bundle into a format, the folder into an archive.

The worker starts a process that runs the SDK's own export action against the server, and passes on what it tells. The
process works with a key of its own, which is the asker's and ends with it. Everything may be killed at any moment: the
next attempt begins with the bundle, if there is one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from synapse_sdk.wire.dataset_exports import StepProgress, StepStatus
from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.core.database import Database
from web_helper.backend.core.event_log import log_event, log_failure
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.attempt import prefix_of
from web_helper.backend.jobs.conversion.archive import pack_folder
from web_helper.backend.jobs.conversion.process import ConversionProcess
from web_helper.backend.jobs.durable_files import remove_tree
from web_helper.backend.jobs.failures import ASKER_GONE, CHILD_ENDED, describe_failure
from web_helper.backend.jobs.job_control import JobControl, JobStopped
from web_helper.backend.jobs.storage_roots import StorageRoots
from web_helper.backend.models import AsyncJob, Token
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries import async_jobs
from web_helper.backend.queries.async_jobs import JobEnd
from web_helper.backend.services.authentication import add_token
from web_helper.backend.services.exports.datasets.requests import action_params, usable_bundle

WORK_FOLDER = "conversions"
ARCHIVE_STEP = "archive"
# Longer than the largest export takes; the key ends with the job in any case that the worker survives.
KEY_LIFE = timedelta(days=2)


@dataclass(frozen=True)
class _Attempt:
    """Values, because the row they were read from goes on changing."""

    job_id: str
    number: int
    name: str
    storage: int
    params: dict[str, Any]
    key: str

    @property
    def prefix(self) -> str:
        return prefix_of(self.job_id, self.number)


class DatasetJob:
    """Carries out such jobs with one process's database and settings."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings

    def build(self, job_id: str) -> dict[str, Any] | None:
        """Make the archive. Answers how it ended, or None when there is nothing (more) to do."""
        folder = self._settings.home.resolve() / WORK_FOLDER / job_id
        with self._database.write() as session:
            job = async_jobs.begin_attempt(session, job_id)
            if job is None:
                return None
            number = job.attempt
            attempt = self._prepare(session, job, folder / str(number))
        log_event("job_started", job_id=job_id, attempt=number)
        try:
            end = JobEnd(AsyncJobStatus.FAILED, error=ASKER_GONE) if attempt is None else self._attempt(attempt)
        finally:
            _remove_attempts(folder, number)
            with self._database.write() as session:
                _forget_key(session, job_id, number)
        return {"attempt": number, "end": msgspec.to_builtins(end)}

    def _prepare(self, session: Session, job: AsyncJob, out: Path) -> _Attempt | None:
        """What this attempt works with; None when nobody is left for whom it could."""
        _forget_key(session, job.id, job.attempt)
        if job.user_id is None:
            return None
        token, key = add_token(session, job.user_id, f"export {job.id}", ["read", "write"])
        token.expires_at = utc_now() + KEY_LIFE
        job.token_id = token.id
        bundle = usable_bundle(session, job.bundle_job_id, self._settings)
        params = {**action_params(job.params, resume_job=bundle), "out": str(out)}
        return _Attempt(job.id, job.attempt, job.params["name"], job.params["storage"], params, key)

    def _attempt(self, attempt: _Attempt) -> JobEnd:
        """Job runner: whatever goes wrong in here ends the job, never the worker."""
        try:
            with JobControl(self._database, attempt.job_id, attempt.number) as control:
                return self._convert(attempt, control)
        except JobStopped:
            log_event("job_stopping", job_id=attempt.job_id, attempt=attempt.number)
            self._cancel_bundle(attempt.job_id)
            return JobEnd(AsyncJobStatus.CANCELLED)
        except Exception as exc:  # noqa: BLE001 - The one edge of a job: the failure goes into its row and the log.
            log_failure("job_failed", exc, job_id=attempt.job_id, attempt=attempt.number)
            return JobEnd(AsyncJobStatus.FAILED, error=describe_failure(exc))

    def _convert(self, attempt: _Attempt, control: JobControl) -> JobEnd:
        order = {"host": self._settings.base_url, "key": attempt.key, "params": attempt.params}
        Path(attempt.params["out"]).mkdir(parents=True, exist_ok=True)
        steps: list[dict[str, Any]] = []
        made: dict[str, Any] = {}
        with ConversionProcess(order) as process:
            control.interrupt_with(process.stop)
            for message in process.messages():
                if "steps" in message:
                    steps = message["steps"]
                    control.report_steps([*steps, _archive_step()])
                elif "bundle_job" in message:
                    self._note_bundle(attempt, message["bundle_job"])
                else:
                    made = message
        control.check()
        self._note_steps(attempt, [*steps, _archive_step()])
        if "folder" not in made:
            return JobEnd(AsyncJobStatus.FAILED, error=made.get("failed", CHILD_ENDED))
        return self._pack(attempt, made, control, steps)

    def _pack(
        self, attempt: _Attempt, made: dict[str, Any], control: JobControl, steps: list[dict[str, Any]]
    ) -> JobEnd:
        with self._database.read() as session:
            root = StorageRoots(session).open(attempt.storage)
        target = root / attempt.prefix / f"{attempt.name}.zip"
        target.parent.mkdir(parents=True, exist_ok=True)

        def report(done: int, total: int) -> None:
            control.check()
            control.report_steps([*steps, _archive_step(done, total)])

        facts = pack_folder(Path(made["folder"]), target, report=report)
        # What a watcher sees last is that everything is done.
        self._note_steps(attempt, [*steps, _archive_step(1, 1) | {"status": StepStatus.DONE.value}])
        report_made = made["report"]
        result = {
            "storage": attempt.storage,
            "prefix": attempt.prefix,
            "archive": facts.model_dump(mode="json"),
            "report": report_made,
        }
        return JobEnd(AsyncJobStatus.SUCCEEDED, processed=report_made["exported"], result=result)

    def _note_steps(self, attempt: _Attempt, steps: list[dict[str, Any]]) -> None:
        with self._database.write() as session:
            async_jobs.record_steps(session, attempt.job_id, attempt.number, steps)

    def _note_bundle(self, attempt: _Attempt, bundle_job_id: str) -> None:
        with self._database.write() as session:
            job = async_jobs.lock_attempt(session, attempt.job_id, attempt.number)
            if job is not None:
                job.bundle_job_id = bundle_job_id

    def _cancel_bundle(self, job_id: str) -> None:
        """Who cancels an export does not want its rows gathered either; a finished bundle stays, to go on with."""
        with self._database.write() as session:
            job = async_jobs.find_job(session, job_id)
            if job is not None and job.is_cancel_requested and job.bundle_job_id is not None:
                async_jobs.request_cancel(session, job.bundle_job_id)


def _archive_step(done: int = 0, total: int = 0) -> dict[str, Any]:
    step = StepProgress(name=ARCHIVE_STEP)
    if total:
        step.status, step.percent = StepStatus.RUNNING, round(100 * done / total, 1)
    return step.model_dump(mode="json")


def _remove_attempts(folder: Path, number: int) -> None:
    """What this attempt and those before it have written: a worker that was thought dead leaves its successor's."""
    for path in folder.glob("*"):
        if int(path.name) <= number:
            remove_tree(path)
    with suppress(OSError):
        folder.rmdir()


def _forget_key(session: Session, job_id: str, number: int) -> None:
    job = async_jobs.find_job(session, job_id)
    if job is None or job.attempt != number:
        # Another attempt has begun, which has ended this one's key.
        return
    token = session.get(Token, job.token_id) if job.token_id is not None else None
    if token is not None:
        session.delete(token)
    job.token_id = None
