"""Shows jobs to any number of watchers with one reader.

While somebody watches, one task reads the states of all watched jobs in one statement, a few times a second, on one
thread of its own. A watcher costs an entry in a dictionary: no thread and no database connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache

from pydantic import TypeAdapter
from sqlalchemy.exc import SQLAlchemyError

from synapse_sdk.wire.dataset_exports import StepProgress
from synapse_sdk.wire.jobs import AsyncJobStatus, ProgressEvent
from web_helper.backend.core.database import Database
from web_helper.backend.core.event_log import log_failure
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries import async_jobs
from web_helper.backend.queries.async_jobs import JobState

POLL_SECONDS = 0.25
_STEPS = TypeAdapter(list[StepProgress])
DELETED = "The job was deleted, perhaps with its project."
_EVENT_NAMES = {
    AsyncJobStatus.SUCCEEDED: "completed",
    AsyncJobStatus.FAILED: "failed",
    AsyncJobStatus.CANCELLED: "cancelled",
}


def progress_event(state: JobState) -> ProgressEvent:
    """What a watcher is sent about this state, as of now where the job goes on."""
    seconds = ((state.finished or utc_now()) - state.started).total_seconds() if state.started else 0.0
    rate = state.processed / seconds if state.processed and seconds > 0 else None
    left = None if rate is None or state.total is None else max(0, state.total - state.processed) / rate
    return ProgressEvent(
        id=state.revision,
        event=_EVENT_NAMES.get(state.status, "progress"),
        processed=state.processed,
        total=state.total,
        error=state.error,
        rows_per_second=None if rate is None else round(rate, 2),
        seconds_remaining=None if left is None else round(left, 2),
        steps=None if state.steps is None else _STEPS.validate_json(state.steps),
    )


@lru_cache(maxsize=64)
def event_text(state: JobState) -> bytes:
    """The state as a server-sent event: written once, for however many watchers."""
    event = progress_event(state)
    text = event.model_dump_json(exclude={"steps"} if event.steps is None else None)
    return f"id: {event.id}\nevent: {event.event}\ndata: {text}\n\n".encode()


async def _set_within(event: asyncio.Event, seconds: float | None) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


@dataclass
class _Topic:
    """One watched job. `changed` is set once and then replaced, so that each watcher waits for the next change."""

    state: JobState | None = None
    watchers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def publish(self, state: JobState) -> None:
        if self.state != state:
            self.state = state
            self.changed.set()
            self.changed = asyncio.Event()


class ProgressHub:
    """The one reader of a process and its watchers; all methods belong to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._topics: dict[str, _Topic] = {}
        self._reader: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def watch(
        self, job_id: str, after: int = -1, *, idle_seconds: float | None = None
    ) -> AsyncIterator[JobState | None]:
        """States of a job as they come, each newer than revision `after`; the final one always comes last.

        None says that nothing has come for `idle_seconds`.
        """
        topic = self._join(job_id)
        try:
            while True:
                state, changed = topic.state, topic.changed
                if state is not None and (state.revision > after or state.status.is_final):
                    yield state
                    if state.status.is_final:
                        return
                    after = state.revision
                if topic.state is state and not await _set_within(changed, idle_seconds):
                    yield None
        finally:
            self._leave(job_id, topic)

    @property
    def watchers(self) -> int:
        """Connections that follow a job now."""
        return sum(topic.watchers for topic in list(self._topics.values()))

    def close(self) -> None:
        """Give the thread back."""
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    def _join(self, job_id: str) -> _Topic:
        topic = self._topics.setdefault(job_id, _Topic())
        topic.watchers += 1
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_on())
        return topic

    def _leave(self, job_id: str, topic: _Topic) -> None:
        topic.watchers -= 1
        if topic.watchers == 0:
            del self._topics[job_id]

    async def _read_on(self) -> None:
        """Read until nobody watches."""
        loop = asyncio.get_running_loop()
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="job-progress")
        while self._topics:
            asked = list(self._topics)
            states = await loop.run_in_executor(self._thread, self._read, asked)
            if states is not None:
                self._publish(asked, states)
            await asyncio.sleep(POLL_SECONDS)

    def _publish(self, asked: Collection[str], states: list[JobState]) -> None:
        found = {state.job_id: state for state in states}
        for job_id in asked:
            topic = self._topics.get(job_id)
            if topic is None:
                continue
            if job_id in found:
                topic.publish(found[job_id])
            else:
                last = topic.state or JobState(job_id, 0, AsyncJobStatus.QUEUED, 0, None, None)
                topic.publish(replace(last, revision=last.revision + 1, status=AsyncJobStatus.FAILED, error=DELETED))

    def _read(self, job_ids: Collection[str]) -> list[JobState] | None:
        try:
            with self._database.read() as session:
                return async_jobs.read_states(session, job_ids)
        except SQLAlchemyError as exc:
            # Watchers hear nothing new until the database is back; heartbeats keep their streams open.
            log_failure("job_states_not_read", exc, jobs=len(job_ids))
            return None
