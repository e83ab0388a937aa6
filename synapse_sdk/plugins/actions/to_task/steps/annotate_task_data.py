"""The third step: tasks become annotations, many at once, and are submitted in batches.

Workers draw tasks from one shared source that fetches a page ahead; what they make goes through a bounded queue to this
step's own thread, which alone submits and counts. A task that fails costs only itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from queue import Empty, Queue
from typing import Any, Self

from synapse_sdk.plugins.actions.to_task.context import AnnotateTask, ToTaskContext
from synapse_sdk.plugins.actions.to_task.enums import ToTaskEvent, ToTaskProgressCategories
from synapse_sdk.plugins.actions.to_task.gateway.base import Annotation, Outcome, TaskGateway, TaskWork
from synapse_sdk.plugins.actions.to_task.models import TaskFailure
from synapse_sdk.plugins.actions.to_task.steps.base import ToTaskStep
from synapse_sdk.plugins.steps import StepResult
from synapse_sdk.utils.network import sanitize_error_message

CATEGORY = ToTaskProgressCategories.ANNOTATE_TASK_DATA
# A batch of large annotations is sent before it is full.
FLUSH_BYTES = 4 * 2**20
# So is what a slow model has answered: people see it, and a run that is killed loses no more than this.
FLUSH_SECONDS = 1.0
FILES_PER_DRAW = 25


class AnnotateTaskDataStep(ToTaskStep):
    """Annotates every task and counts what became of it."""

    step_name = "annotate_task_data"
    weight = 0.90

    def execute(self, context: ToTaskContext) -> StepResult:
        gateway, annotate = context.gateway, context.annotate
        assert gateway is not None
        assert annotate is not None
        report = _Report(context)
        with _Workshop(context, gateway, annotate) as workshop:
            for batch in workshop.batches():
                report.take(_deliver(gateway, batch))
        report.close()
        return StepResult(data={"success": context.success_count, "failed": context.failed_count})


@dataclass(frozen=True, slots=True)
class _Made:
    """What a worker made of one task: an annotation, or an outcome already."""

    task_id: int
    annotation: Annotation | None = None
    outcome: Outcome | None = None


class _Workshop:
    """The workers, their source and their way out."""

    def __init__(self, context: ToTaskContext, gateway: TaskGateway, annotate: AnnotateTask) -> None:
        self._context, self._gateway, self._annotate = context, gateway, annotate
        settings = context.settings
        self._size, self._workers = settings.batch_size, settings.concurrency
        # Parsing a file takes less time than changing threads does; a model is worth a thread for each task.
        self._draw = 1 if context.is_inference else FILES_PER_DRAW
        self._made: Queue[list[_Made] | None] = Queue(self._size // self._draw + self._workers)
        self._lock, self._is_stopped = threading.Lock(), threading.Event()
        self._pool = ThreadPoolExecutor(self._workers + 1, "to-task")
        self._source = self._tasks()
        self._running: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._running = [self._pool.submit(self._work) for _ in range(self._workers)]
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_stopped.set()
        while not all(worker.done() for worker in self._running):
            # A worker that waits for room in the queue would never look at the flag.
            self._drain()
        self._pool.shutdown(cancel_futures=True)

    def batches(self) -> Iterator[list[_Made]]:
        """Results as they come, in batches of bounded number, size and age.

        Raises:
            ClientError: The source failed: what was made until then has been handed out.
        """
        batch: list[_Made] = []
        ended, size, due = 0, 0, time.monotonic() + FLUSH_SECONDS
        while ended < self._workers:
            made = self._made.get()
            if made is None:
                ended += 1
                continue
            batch += made
            size += sum(len(memoryview(one.annotation.payload)) for one in made if one.annotation)
            if len(batch) >= self._size or size >= FLUSH_BYTES or time.monotonic() >= due:
                yield batch[: self._size]
                batch, size, due = batch[self._size :], 0, time.monotonic() + FLUSH_SECONDS
        if batch:
            yield batch
        for worker in self._running:
            worker.result()

    def _work(self) -> None:
        try:
            while not self._is_stopped.is_set() and (works := self._next()):
                self._made.put([self._make(work) for work in works])
        finally:
            self._made.put(None)

    def _next(self) -> list[TaskWork]:
        with self._lock:
            return list(islice(self._source, self._draw))

    def _tasks(self) -> Iterator[TaskWork]:
        """The tasks of all pages; the next page is fetched while one is worked on."""
        pages = self._gateway.pages()
        ahead = self._pool.submit(next, pages, None)
        while (page := ahead.result()) is not None:
            ahead = self._pool.submit(next, pages, None)
            yield from page

    def _make(self, work: TaskWork) -> _Made:
        if work.is_done:
            return _Made(work.task_id, outcome=Outcome(work.task_id, is_skipped=True))
        try:
            if work.task is None:
                self._gateway.load(work)
            return _Made(work.task_id, self._annotate(self._context, work))
        except Exception as exc:  # noqa: BLE001 - whatever a plugin's conversion raises fails its task alone.
            reason = sanitize_error_message(str(exc)) or type(exc).__name__
            return _Made(work.task_id, outcome=Outcome(work.task_id, reason))

    def _drain(self) -> None:
        try:
            self._made.get(timeout=0.05)
        except Empty:
            return


def _deliver(gateway: TaskGateway, batch: list[_Made]) -> list[Outcome]:
    outcomes = [made.outcome for made in batch if made.outcome is not None]
    results = [(made.task_id, made.annotation) for made in batch if made.annotation is not None]
    return outcomes + (gateway.submit(results) if results else [])


class _Report:
    """Counts outcomes, and tells progress, metrics and failures."""

    def __init__(self, context: ToTaskContext) -> None:
        self._context = context
        self._done = 0

    def take(self, outcomes: list[Outcome]) -> None:
        context = self._context
        for outcome in outcomes:
            self._done += 1
            if outcome.error is None:
                context.success_count += 1
                context.skipped_count += outcome.is_skipped
            else:
                context.failures.append(TaskFailure(task_id=outcome.task_id, error=outcome.error))
                context.log(ToTaskEvent.TASK_FAILED, {"task_id": outcome.task_id, "error": outcome.error})
        # Tasks may be added while the run lasts, or go.
        context.set_progress(self._done, max(context.total_tasks, self._done), CATEGORY)
        context.set_metrics(self._metrics(), CATEGORY)

    def close(self) -> None:
        """The tasks that there were, in place of those that were expected."""
        self._context.total_tasks = self._done
        self._context.failures.sort(key=lambda failure: failure.task_id)
        self._context.set_metrics(self._metrics(), CATEGORY)

    def _metrics(self) -> dict[str, Any]:
        context = self._context
        waiting = max(0, context.total_tasks - self._done)
        return {"success": context.success_count, "failed": context.failed_count, "stand_by": waiting}
