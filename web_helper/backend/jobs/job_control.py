"""The wire between a running job and its row: progress goes out, the wish to stop comes in.

It is a thread of its own, so that neither a slow write (another process holds the database's lock) stops the scan,
nor a long block of work the answer to a cancellation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Self

from sqlalchemy.exc import SQLAlchemyError

from web_helper.backend.core.database import Database
from web_helper.backend.core.event_log import log_failure
from web_helper.backend.queries import async_jobs

# A cancellation is noticed, and progress shown, within about this time.
BEAT_SECONDS = 0.4


class JobStopped(Exception):  # noqa: N818 - A signal to the runner, not an error.
    """The job was cancelled, or another worker has begun it anew."""


class JobControl:
    """Reports one attempt's progress about twice a second, and knows whether it has to stop."""

    def __init__(self, database: Database, job_id: str, attempt: int) -> None:
        self._database, self._job_id, self._attempt = database, job_id, attempt
        self._processed = self._written = 0
        self._steps: list[dict[str, Any]] | None = None
        self._interrupt: Callable[[], None] | None = None
        self._is_stopping = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"job-control-{job_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._is_over.set()
        self._thread.join()

    def interrupt_with(self, interrupt: Callable[[], None]) -> None:
        """Call this, too, when the job has to stop: it ends a long statement, which cannot look around by itself."""
        self._interrupt = interrupt

    def report(self, processed: int) -> None:
        """Note how many rows are done.

        Raises:
            JobStopped: The job has to stop.
        """
        self._processed = processed
        self.check()

    def report_steps(self, steps: list[dict[str, Any]]) -> None:
        """Note how far each step is."""
        self._steps = steps

    def check(self) -> None:
        """Go on, or stop here.

        Raises:
            JobStopped: The job has to stop.
        """
        if self._is_stopping.is_set():
            raise JobStopped(f"The job {self._job_id} was told to stop.")

    def _run(self) -> None:
        while not self._is_over.wait(BEAT_SECONDS) and not self._is_stopping.is_set():
            try:
                self._beat()
            except SQLAlchemyError as exc:
                # The database may be back at the next beat; a scan that cannot go on fails by itself.
                log_failure("job_progress_not_written", exc, job_id=self._job_id)

    def _beat(self) -> None:
        with self._database.read() as session:
            must_stop = async_jobs.must_stop(session, self._job_id, self._attempt)
        if must_stop:
            self._is_stopping.set()
            if self._interrupt is not None:
                self._interrupt()
            return
        steps, self._steps = self._steps, None
        if steps is not None:
            with self._database.write() as session:
                async_jobs.record_steps(session, self._job_id, self._attempt, steps)
        processed = self._processed
        if processed > self._written:
            with self._database.write() as session:
                async_jobs.record_progress(session, self._job_id, self._attempt, processed)
            self._written = processed
