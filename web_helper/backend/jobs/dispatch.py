"""Hands the rows that wait to the queue. The server only writes rows, so it needs no part of the queue's engine."""

from __future__ import annotations

from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.core.database import Database
from web_helper.backend.core.event_log import log_event
from web_helper.backend.queries import async_jobs
from web_helper.backend.services.exports.job_queue import JobQueue


class Dispatcher:
    """Every worker may have one: a job's id is its workflow's id, so enqueueing twice is harmless."""

    def __init__(self, database: Database, queue: JobQueue) -> None:
        self._database, self._queue = database, queue
        self._enqueued: frozenset[str] = frozenset()

    def dispatch(self) -> None:
        """Enqueue each waiting row once; what fails is tried again at the next call."""
        with self._database.read() as session:
            unfinished = async_jobs.list_unfinished(session)
        waiting = {job.job_id: job.kind for job in unfinished if job.status is AsyncJobStatus.QUEUED}
        for job_id in sorted(waiting.keys() - self._enqueued):
            self._queue.enqueue(job_id, waiting[job_id])
            log_event("job_enqueued", job_id=job_id)
        self._enqueued = frozenset(waiting)
