"""The worker process: `python -m web_helper.backend.worker`. Runs durable jobs until it is asked to end.

It may be killed at any moment: what it was doing is taken up by the next worker of the same name. Two of one name on
one machine would take up each other's jobs, so the second one refuses to start.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from synapse_sdk.exceptions import SynapseError
from web_helper.backend.core.database import Database
from web_helper.backend.core.event_log import configure_event_log, log_event, log_failure
from web_helper.backend.core.memory import settle_memory
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.conversion.kinds import Jobs
from web_helper.backend.jobs.dispatch import Dispatcher
from web_helper.backend.jobs.housekeeping import Housekeeping
from web_helper.backend.jobs.runtime import JobRuntime
from web_helper.backend.services.exports.job_queue import JobQueue

# A job waits half of this on average until it is in the queue.
DISPATCH_SECONDS = 0.2
RECONCILE_SECONDS = 2.0
PURGE_SECONDS = 60.0
# Less than the ten seconds that a supervisor gives before it kills.
DRAIN_SECONDS = 3
EXIT_NAME_TAKEN = 3


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    configure_event_log("dbos")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = Settings()
    with holding_name(settings) as is_ours:
        if not is_ours:
            log_event("worker_refused", reason="another worker of this name is running", name=settings.worker_name)
            sys.exit(EXIT_NAME_TAKEN)
        run_worker(settings, stop)
    # A job that still runs is taken up by the next worker; its thread must not hold this process.
    sys.stderr.flush()
    os._exit(0)


def run_worker(settings: Settings, stop: threading.Event) -> None:
    """Run jobs and keep house until `stop` is set."""
    database, queue = Database(settings.sqlalchemy_url), JobQueue(settings)
    runtime = JobRuntime(settings, Jobs(database, settings))
    housekeeping = Housekeeping(database, settings, queue)
    settle_memory()
    runtime.start()
    log_event("worker_started", name=settings.worker_name, process=os.getpid())
    try:
        _keep_house(Dispatcher(database, queue), housekeeping, stop)
    finally:
        runtime.stop(DRAIN_SECONDS)
        queue.close()
        database.dispose()
        log_event("worker_stopped", name=settings.worker_name, process=os.getpid())


@contextmanager
def holding_name(settings: Settings) -> Iterator[bool]:
    """A lock on the worker's name; False when another process of this machine holds it. It ends with the process."""
    settings.home.mkdir(parents=True, exist_ok=True)
    safe = "".join(character if character.isalnum() else "_" for character in settings.worker_name)
    with (settings.home / f"worker-{safe}.lock").open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _keep_house(dispatcher: Dispatcher, housekeeping: Housekeeping, stop: threading.Event) -> None:
    tasks = (
        _Chore("dispatch", dispatcher.dispatch, DISPATCH_SECONDS),
        _Chore("reconcile", housekeeping.reconcile, RECONCILE_SECONDS),
        _Chore("purge", housekeeping.purge, PURGE_SECONDS),
    )
    while not stop.wait(DISPATCH_SECONDS):
        for task in tasks:
            task.do_when_due()


@dataclass
class _Chore:
    name: str
    act: Callable[[], None]
    every_seconds: float
    due: float = 0.0

    def do_when_due(self) -> None:
        if time.monotonic() < self.due:
            return
        try:
            self.act()
        except (SQLAlchemyError, OSError, SynapseError) as exc:
            log_failure("housekeeping_failed", exc, task=self.name)
        self.due = time.monotonic() + self.every_seconds


if __name__ == "__main__":
    main()
