"""One export job, from its row to its bundle: what the three steps of the durable workflow do.

Every step may run twice, because a worker can be killed between doing its work and noting that it is done.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from synapse_sdk.exceptions import StorageError
from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.core.database import Database, interrupter_of
from web_helper.backend.core.event_log import log_event, log_failure
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.attempt import Attempt, job_prefix
from web_helper.backend.jobs.bundle_build import BundleBuild
from web_helper.backend.jobs.durable_files import remove_tree
from web_helper.backend.jobs.failures import describe_failure
from web_helper.backend.jobs.job_control import JobControl, JobStopped
from web_helper.backend.jobs.storage_roots import StorageRoots
from web_helper.backend.queries import async_jobs, export_parts
from web_helper.backend.queries.async_jobs import JobEnd

# Waits after a lost connection, until an attempt has finished a part: half a minute covers a restart of the database.
RETRY_SECONDS = (0.25, 0.5, 1, 2, 4, 8, 16)


class DatabaseLostError(Exception):
    """The connection broke; another attempt may go on behind the last finished part."""

    def __init__(self, cause: DBAPIError, attempt: int, *, has_progress: bool) -> None:
        super().__init__(str(cause.orig))
        self.cause, self.attempt, self.has_progress = cause, attempt, has_progress


class ExportJob:
    """Carries out export jobs with one process's database and settings."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings

    def build(self, job_id: str) -> dict[str, Any] | None:
        """Write the bundle. Answers how it ended, or None when there is nothing (more) to do."""
        waits = iter(RETRY_SECONDS)
        while True:
            try:
                return self._try_build(job_id)
            except DatabaseLostError as lost:
                waits = iter(RETRY_SECONDS) if lost.has_progress else waits
                seconds = next(waits, None)
                if seconds is None:
                    log_failure("job_failed", lost.cause, job_id=job_id, attempt=lost.attempt)
                    failed = JobEnd(AsyncJobStatus.FAILED, error=describe_failure(lost.cause))
                    return {"attempt": lost.attempt, "end": msgspec.to_builtins(failed)}
                log_failure("job_interrupted", lost.cause, job_id=job_id, attempt=lost.attempt)
                time.sleep(seconds)

    def finish(self, job_id: str, built: dict[str, Any]) -> None:
        """Make the end known, in one transaction."""
        end = msgspec.convert(built["end"], JobEnd)
        with self._database.write() as session:
            job = async_jobs.end_attempt(session, job_id, built["attempt"], end)
            if job is not None:
                export_parts.forget_parts(session, job_id)
        if job is not None:
            log_event("job_ended", job_id=job_id, status=str(job.status), rows=job.processed, error=job.error)

    def clean_up(self, job_id: str) -> None:
        """Leave nothing of a job that has ended but its bundle, if it has one."""
        with self._database.read() as session:
            job = async_jobs.find_job(session, job_id)
            if job is None or job.status not in async_jobs.FINAL_STATUSES:
                return
            bundle = (job.result or {}).get("prefix")
            try:
                root = StorageRoots(session).open(job.params["storage"])
            except StorageError as exc:
                log_failure("job_not_cleaned_up", exc, job_id=job_id)
                return
        for folder in (root / job_prefix(job_id)).glob("*"):
            if f"{job_prefix(job_id)}/{folder.name}" != bundle:
                remove_tree(folder)
        if bundle is None:
            remove_tree(root / job_prefix(job_id))

    def _try_build(self, job_id: str) -> dict[str, Any] | None:
        number = 0
        try:
            with self._database.write() as session:
                job = async_jobs.begin_attempt(session, job_id)
                attempt = Attempt.of(job) if job is not None else None
        except DBAPIError as exc:
            raise DatabaseLostError(exc, number, has_progress=False) from exc
        if attempt is None:
            return None
        log_event("job_started", job_id=job_id, attempt=attempt.number)
        return {"attempt": attempt.number, "end": msgspec.to_builtins(self._attempt(attempt))}

    def _attempt(self, attempt: Attempt) -> JobEnd:
        """Job runner: whatever goes wrong in here ends the job or begins another attempt, never the worker."""
        try:
            return self._build(attempt)
        except DatabaseLostError:
            raise
        except JobStopped:
            log_event("job_stopping", job_id=attempt.job_id, attempt=attempt.number)
            return JobEnd(AsyncJobStatus.CANCELLED)
        except Exception as exc:  # noqa: BLE001 - The one edge of a job: the failure goes into its row and the log.
            log_failure("job_failed", exc, job_id=attempt.job_id, attempt=attempt.number)
            return JobEnd(AsyncJobStatus.FAILED, error=describe_failure(exc))

    def _build(self, attempt: Attempt) -> JobEnd:
        with JobControl(self._database, attempt.job_id, attempt.number) as control:
            build = BundleBuild(self._database, self._settings, attempt, control)
            try:
                with self._database.snapshot() as session:
                    control.interrupt_with(interrupter_of(session))
                    manifest = build.run(session)
            except (OperationalError, InterfaceError, DBAPIError) as exc:
                # A statement that was interrupted because the job has to stop fails in the same way.
                control.check()
                if not _is_lost(exc):
                    raise
                raise DatabaseLostError(exc, attempt.number, has_progress=build.written_parts > 0) from exc
        location = {"storage": attempt.storage, "prefix": attempt.prefix, "manifest": manifest.model_dump(mode="json")}
        return JobEnd(AsyncJobStatus.SUCCEEDED, processed=manifest.row_count, result=location)


def _is_lost(error: DBAPIError) -> bool:
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
