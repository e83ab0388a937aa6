"""What a durable job does, by its kind; all of them begin, end and clean up the same way."""

from __future__ import annotations

from typing import Any

from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.conversion.dataset_job import DatasetJob
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.models import JobKind
from web_helper.backend.queries import async_jobs


class Jobs:
    """The three steps of the durable workflow, for a job of any kind; each may run twice."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._export, self._dataset = ExportJob(database, settings), DatasetJob(database, settings)

    def build(self, job_id: str) -> dict[str, Any] | None:
        """Do the work. Answers how it ended, or None when there is nothing (more) to do."""
        with self._database.read() as session:
            job = async_jobs.find_job(session, job_id)
            is_dataset = job is not None and job.kind == JobKind.DATASET
        return self._dataset.build(job_id) if is_dataset else self._export.build(job_id)

    def finish(self, job_id: str, built: dict[str, Any]) -> None:
        """Make the end known, in one transaction."""
        self._export.finish(job_id, built)

    def clean_up(self, job_id: str) -> None:
        """Leave nothing of a job that has ended but what it made."""
        self._export.clean_up(job_id)
