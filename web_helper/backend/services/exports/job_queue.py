"""The queue of durable jobs: DBOS, in a database beside the platform's own. Only workers know it.

The job's id is the workflow's id, so enqueueing twice is harmless. The row comes first and the queue second: the
server commits a row, and a worker finds it and enqueues it (`jobs.dispatch`).
"""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from web_helper.backend.core.database import create_database_engine
from web_helper.backend.core.settings import Settings
from web_helper.backend.models import JobKind

if TYPE_CHECKING:
    from dbos import DBOSClient

QUEUE_NAME = "jobs"
# Its jobs wait for bundles: in one queue, two of them could keep the bundles that they wait for from being made.
DATASET_QUEUE_NAME = "datasets"
APPLICATION_NAME = "synapse"
EXPORT_WORKFLOW = "export_bundle"


class QueueState(StrEnum):
    """What the queue knows about a job."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    OVER = "over"


_ALIVE = {"ENQUEUED", "PENDING", "DELAYED"}


def queue_database_url(settings: Settings) -> str:
    """URL of DBOS's tables: their own file beside a SQLite database, the schema `dbos` of a PostgreSQL one.

    In one SQLite file, the queue's polling and the platform's writes would wait for each other.
    """
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() != "sqlite":
        return url.render_as_string(hide_password=False)
    path = (url.database or "synapse.db").removesuffix(".db")
    return f"sqlite:///{path}-jobs.db"


def prepare_queue_database(url: str) -> None:
    """Create or update DBOS's tables; harmless when several processes do it at once."""
    from dbos import DBOS

    if url.startswith("sqlite"):
        # Our engine sets the write-ahead log, which stays with the file: readers then never wait for a writer.
        engine = create_database_engine(url)
        engine.connect().close()
        engine.dispose()
    DBOS.migrate(url)


class JobQueue:
    """Hands jobs to whichever worker is free; opened at first use."""

    def __init__(self, settings: Settings) -> None:
        self._url = queue_database_url(settings)
        self._lock = threading.Lock()
        self._client: DBOSClient | None = None

    def open(self) -> DBOSClient:
        """The connection to the queue, made once."""
        from dbos import DBOSClient, DBOSPortableJSONSerializer

        with self._lock:
            if self._client is None:
                prepare_queue_database(self._url)
                self._client = DBOSClient(
                    system_database_url=self._url,
                    application_name=APPLICATION_NAME,
                    serializer=DBOSPortableJSONSerializer(),
                    # A request must not wait for ever: the worker finds the row anyway.
                    retry_connection_errors=False,
                )
            return self._client

    def enqueue(self, job_id: str, kind: JobKind) -> None:
        """Let a worker take the job."""
        queue = DATASET_QUEUE_NAME if kind is JobKind.DATASET else QUEUE_NAME
        options = {"queue_name": queue, "workflow_name": EXPORT_WORKFLOW, "workflow_id": job_id}
        self.open().enqueue(options, job_id)  # type: ignore[arg-type]

    def state_of(self, job_id: str) -> QueueState:
        """Whether the queue has the job, and whether it still intends to run it."""
        found = self.open().list_workflows(workflow_ids=[job_id], load_input=False, load_output=False)
        if not found:
            return QueueState.UNKNOWN
        return QueueState.ALIVE if found[0].status in _ALIVE else QueueState.OVER

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._client is not None:
                self._client.destroy()
                self._client = None
