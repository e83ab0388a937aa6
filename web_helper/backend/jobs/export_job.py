"""One export job, from its row to its bundle: what the three steps of the durable workflow do.

Every step may run twice, because a worker can be killed between doing its work and noting that it is done. An attempt
writes into a folder of its own, `exports/{job id}/{attempt}`, from one snapshot of the database: rows of two moments
never meet in one bundle, and a worker that was thought dead cannot write into its successor's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from pydantic import JsonValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from synapse_sdk.exceptions import BundleError, StorageError
from synapse_sdk.wire.bundle import BundleManifest, ExportTarget
from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.core.database import Database, interrupter_of
from web_helper.backend.core.event_log import log_event, log_failure
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.bundle_files import BundleFiles
from web_helper.backend.jobs.bundle_writer import PartPlan, write_manifest, write_parts
from web_helper.backend.jobs.durable_files import remove_tree
from web_helper.backend.jobs.failures import describe_failure
from web_helper.backend.jobs.job_control import JobControl, JobStopped
from web_helper.backend.jobs.storage_roots import StorageRoots
from web_helper.backend.models import AsyncJob
from web_helper.backend.queries import async_jobs
from web_helper.backend.queries.async_jobs import JobEnd
from web_helper.backend.queries.export_rows import (
    EXPORT_SOURCES,
    Row,
    UnitFile,
    by_reference,
    count_target,
    export_line,
    read_rows,
    select_target,
)

EXPORTS_FOLDER = "exports"
# Few enough that a batch of large annotations fits into memory, many enough that statements cost little.
ROWS_PER_BATCH = 500


@dataclass(frozen=True)
class Attempt:
    """One try at building one bundle; values, because the row it was read from goes on changing."""

    job_id: str
    number: int
    target: ExportTarget
    project: int | None
    filter: dict[str, JsonValue]
    include_files: bool
    storage: int

    @classmethod
    def of(cls, job: AsyncJob) -> Attempt:
        params = job.params
        return cls(
            job_id=job.id,
            number=job.attempt,
            target=ExportTarget(params["target"]),
            project=params["project"],
            filter=params["filter"],
            include_files=params["options"]["include_files"],
            storage=params["storage"],
        )

    @property
    def prefix(self) -> str:
        """Where this attempt's bundle lies in its storage."""
        return f"{job_prefix(self.job_id)}/{self.number}"


def job_prefix(job_id: str) -> str:
    """The folder of all attempts of a job, in its storage."""
    return f"{EXPORTS_FOLDER}/{job_id}"


@dataclass(frozen=True)
class Scan:
    """The rows of an attempt, in the one state of the database that its session sees."""

    session: Session
    attempt: Attempt
    total: int

    def batches(self) -> Iterator[list[Row]]:
        """All rows, ascending by id; memory holds one batch."""
        target = self.attempt.target
        source, selection = EXPORT_SOURCES[target], select_target(target, self.attempt.filter, viewer_id=None)
        after_id = 0
        while rows := read_rows(self.session, source, selection, after_id=after_id, limit=ROWS_PER_BATCH):
            yield rows
            after_id = rows[-1].id


class ExportJob:
    """Carries out export jobs with one process's database and settings."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings

    def build(self, job_id: str) -> dict[str, Any] | None:
        """Write the bundle. Answers how it ended, or None when there is nothing (more) to do."""
        with self._database.write() as session:
            job = async_jobs.begin_attempt(session, job_id)
            attempt = Attempt.of(job) if job is not None else None
        if attempt is None:
            return None
        log_event("job_started", job_id=job_id, attempt=attempt.number)
        end = self._attempt(attempt)
        return {"attempt": attempt.number, "end": msgspec.to_builtins(end)}

    def finish(self, job_id: str, built: dict[str, Any]) -> None:
        """Make the end known, in one transaction."""
        end = msgspec.convert(built["end"], JobEnd)
        with self._database.write() as session:
            job = async_jobs.end_attempt(session, job_id, built["attempt"], end)
        if job is not None:
            log_event("job_ended", job_id=job_id, status=str(job.status), rows=job.processed, error=job.error)

    def clean_up(self, job_id: str) -> None:
        """Leave nothing of a job that ended without a bundle."""
        with self._database.read() as session:
            job = async_jobs.find_job(session, job_id)
            if job is None or job.status not in {AsyncJobStatus.FAILED, AsyncJobStatus.CANCELLED}:
                return
            try:
                root = StorageRoots(session).open(job.params["storage"])
            except StorageError as exc:
                log_failure("job_not_cleaned_up", exc, job_id=job_id)
                return
        remove_tree(root / job_prefix(job_id))

    def _attempt(self, attempt: Attempt) -> JobEnd:
        """Job runner: whatever goes wrong in here ends the job, never the worker."""
        try:
            return self._build(attempt)
        except JobStopped:
            log_event("job_stopping", job_id=attempt.job_id, attempt=attempt.number)
            return JobEnd(AsyncJobStatus.CANCELLED)
        except Exception as exc:  # noqa: BLE001 - The one edge of a job: the failure goes into its row and the log.
            log_failure("job_failed", exc, job_id=attempt.job_id, attempt=attempt.number)
            return JobEnd(AsyncJobStatus.FAILED, error=describe_failure(exc))

    def _build(self, attempt: Attempt) -> JobEnd:
        with (
            JobControl(self._database, attempt.job_id, attempt.number) as control,
            self._database.snapshot() as session,
        ):
            control.interrupt_with(interrupter_of(session))
            total = _count(session, attempt, control)
            with self._database.write() as writing:
                async_jobs.record_total(writing, attempt.job_id, attempt.number, total)
            folder = _fresh_folder(StorageRoots(session).open(attempt.storage), attempt)
            try:
                manifest = self._write(attempt, folder, Scan(session, attempt, total), control)
            except BaseException:
                remove_tree(folder)
                raise
        location = {"storage": attempt.storage, "prefix": attempt.prefix, "manifest": manifest.model_dump(mode="json")}
        return JobEnd(AsyncJobStatus.SUCCEEDED, processed=total, result=location)

    def _write(self, attempt: Attempt, folder: Path, scan: Scan, control: JobControl) -> BundleManifest:
        plan = PartPlan(attempt.target, scan.total, self._settings.bundle_part_rows)
        with BundleFiles(folder, StorageRoots(scan.session).open, control.check) as files:
            lines = self._lines(scan, files if attempt.include_files else None)
            parts = list(write_parts(folder, lines, plan, control.report))
            files.sync()
        manifest = BundleManifest(
            target=attempt.target,
            filter=attempt.filter,
            project=attempt.project,
            row_count=sum(part.rows for part in parts),
            file_count=files.file_count,
            missing_files=files.missing_files,
            parts=parts,
        )
        if manifest.row_count != scan.total:
            raise BundleError(f"The scan gave {manifest.row_count} of {scan.total} rows.")
        control.check()
        write_manifest(folder, manifest)
        return manifest

    def _lines(self, scan: Scan, files: BundleFiles | None) -> Iterator[bytes]:
        base_url = self._settings.base_url.rstrip("/")

        def url_of(file: UnitFile) -> str:
            return f"{base_url}/data_files/{file.data_file_id}/content/"

        for rows in scan.batches():
            path_of = files.place(rows) if files is not None else by_reference
            for row in rows:
                yield export_line(row, url_of, path_of=path_of)


def _count(session: Session, attempt: Attempt, control: JobControl) -> int:
    try:
        return count_target(session, attempt.target, attempt.filter, viewer_id=None)
    except DBAPIError:
        control.check()
        raise


def _fresh_folder(root: Path, attempt: Attempt) -> Path:
    # Earlier attempts go first: on a full disk they may be what is in the way.
    remove_tree(root / job_prefix(attempt.job_id))
    folder = root / attempt.prefix
    folder.mkdir(parents=True, exist_ok=True)
    return folder
