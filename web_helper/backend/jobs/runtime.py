"""The one door to DBOS in the worker: registers the durable workflow and runs it until told to stop.

DBOS notes each finished step. A killed worker's workflows are taken up again, at the step that was not noted, by the
next worker of the same name.
"""

from __future__ import annotations

from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.conversion.kinds import Jobs
from web_helper.backend.services.exports.job_queue import (
    APPLICATION_NAME,
    DATASET_QUEUE_NAME,
    EXPORT_WORKFLOW,
    QUEUE_NAME,
    prepare_queue_database,
    queue_database_url,
)

# Fixed, so that a worker after an upgrade takes up what the one before it left: each step re-reads its state.
WORKFLOW_VERSION = "1"
# A scan keeps one core busy; a second job keeps small exports from waiting behind a large one.
CONCURRENT_JOBS = 2
# An idle worker asks this often: a job waits a tenth of a second on average.
POLL_SECONDS = 0.2
# A step that loses the database is tried for about half a minute: it may be restarting.
STEP_ATTEMPTS = 6


class JobRuntime:
    """Runs jobs in this process; there can be one."""

    def __init__(self, settings: Settings, job: Jobs) -> None:
        self._settings, self._job = settings, job

    def start(self) -> None:
        """Take up what was left, then wait for new jobs."""
        url = queue_database_url(self._settings)
        prepare_queue_database(url)
        config: DBOSConfig = {
            "name": APPLICATION_NAME,
            "system_database_url": url,
            "application_version": WORKFLOW_VERSION,
            "executor_id": self._settings.worker_name,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "run_migrations": False,
        }
        DBOS(config=config)
        self._register()
        DBOS.launch()
        for queue in (QUEUE_NAME, DATASET_QUEUE_NAME):
            DBOS.register_queue(
                queue,
                worker_concurrency=CONCURRENT_JOBS,
                polling_interval_sec=POLL_SECONDS,
                on_conflict="always_update",
            )

    def stop(self, drain_seconds: int) -> None:
        """Take no new job, and give those that run a little time; what is left is taken up by the next worker."""
        DBOS.destroy(workflow_completion_timeout_sec=drain_seconds, destroy_registry=True)

    def _register(self) -> None:
        job = self._job
        again: Any = {"retries_allowed": True, "interval_seconds": 1.0, "max_attempts": STEP_ATTEMPTS}

        @DBOS.step(name="build", **again)
        def build(job_id: str) -> dict[str, Any] | None:
            return job.build(job_id)

        @DBOS.step(name="finish", **again)
        def finish(job_id: str, built: dict[str, Any]) -> None:
            job.finish(job_id, built)

        @DBOS.step(name="clean_up", **again)
        def clean_up(job_id: str) -> None:
            job.clean_up(job_id)

        @DBOS.workflow(name=EXPORT_WORKFLOW)
        def export_bundle(job_id: str) -> None:
            built = build(job_id)
            if built is not None:
                finish(job_id, built)
            clean_up(job_id)
