"""Durable server jobs: starting an export, and watching a job to its end over a connection that may break.

The stream of events is the quick way, the job's row is the truth: a stream that breaks is taken up again after the last
event seen, and when that keeps failing the row is polled.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx2
import msgspec
from pydantic import JsonValue, ValidationError

from synapse_sdk.clients.backend_v2.resource import Resource
from synapse_sdk.clients.base import BaseClient, Call
from synapse_sdk.clients.pages import parse_item, parse_model
from synapse_sdk.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClientError,
    ClientTimeoutError,
    NotFoundError,
    StreamError,
)
from synapse_sdk.utils.retry import NO_RETRY
from synapse_sdk.wire.bundle import ExportTarget
from synapse_sdk.wire.jobs import (
    AsyncJob,
    AsyncJobStatus,
    ExportOptions,
    JobAccepted,
    PluginExportRequest,
    ProgressEvent,
)

# The server sends a heartbeat more often than this; silence for longer means the connection is dead.
STREAM_SILENCE_SECONDS = 45.0
STREAM_ATTEMPTS = 3
RECONNECT_SECONDS = 0.5
POLL_SECONDS = 1.0

_FINAL_EVENTS = {
    AsyncJobStatus.SUCCEEDED: "completed",
    AsyncJobStatus.FAILED: "failed",
    AsyncJobStatus.CANCELLED: "cancelled",
}


class PluginExports:
    """Exports that the server prepares by itself."""

    def __init__(self, client: BaseClient, path: str) -> None:
        self._client = client
        self.path = path

    def create(
        self,
        *,
        target: ExportTarget | str,
        project: int | None = None,
        filter: dict[str, JsonValue] | None = None,  # noqa: A002 - the API's name.
        options: ExportOptions | dict[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> JobAccepted:
        """Start an export job. Every request carries an idempotency key, so repeating it starts no second job.

        Args:
            target: `task`, `assignment` or `ground_truth`.
            project: Needed for tasks and assignments.
            filter: Filters of the target's list.
            options: How the bundle is built.
            idempotency_key: Equal keys give one job, also in a later run; a fresh one when None.

        Raises:
            ValidationError: The target or a filter is not allowed.
            ClientError: The call failed.
        """
        request = PluginExportRequest(
            target=ExportTarget(target),
            project=project,
            filter=filter or {},
            options=ExportOptions.model_validate(options or {}),
            idempotency_key=idempotency_key or uuid4().hex,
        )
        call = Call("POST", self.path, json=request.model_dump(mode="json"), repeatable=True)
        return parse_model(JobAccepted, parse_item(self._client.send_json(call), call.label), call.label)


class AsyncJobs(Resource[AsyncJob]):
    """Durable server jobs."""

    def cancel(self, job_id: str) -> AsyncJob:
        """Ask a job to stop; it ends as CANCELLED at its next checkpoint, unless it was faster.

        Raises:
            ClientError: The call failed.
        """
        return self._call_for_item(Call("POST", self._item_path(job_id, "cancel/"), repeatable=True))

    def stream_progress(self, job_id: str, timeout: float | None = None) -> Iterator[ProgressEvent]:
        """The job's progress until its final event (`completed`, `failed` or `cancelled`), which is always the last.

        Args:
            job_id: The job.
            timeout: Seconds after which watching (not the job) is given up; None waits as long as it takes.

        Raises:
            ClientTimeoutError: The job has not ended in time.
            ClientError: The job may not be watched, or the server stays out of reach.
        """
        return _JobWatch(self, self._client, job_id, timeout).events()

    def _parse(self, item: dict[str, Any]) -> AsyncJob:
        return parse_model(AsyncJob, item, f"GET {self.path}")


class _JobWatch:
    """One job being watched: the last event seen, and how the connection has fared."""

    def __init__(self, jobs: AsyncJobs, client: BaseClient, job_id: str, timeout: float | None) -> None:
        self._jobs = jobs
        self._client = client
        self._job_id = job_id
        self._path = jobs._item_path(job_id, "progress/")  # noqa: SLF001 - same module.
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._last_id = -1
        self._last: ProgressEvent | None = None

    def events(self) -> Iterator[ProgressEvent]:
        failures = 0
        while failures < STREAM_ATTEMPTS:
            before = self._last_id
            try:
                for event in self._stream():
                    yield event
                    if event.event in _FINAL_EVENTS.values():
                        return
            except (AuthenticationError, AuthorizationError, NotFoundError):
                raise
            except ClientError:
                self._check_deadline()
            failures = 1 if self._last_id > before else failures + 1
            self._sleep(RECONNECT_SECONDS * failures)
        yield from self._poll()

    def _stream(self) -> Iterator[ProgressEvent]:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_id >= 0:
            headers["Last-Event-ID"] = str(self._last_id)
        call = Call("GET", self._path, headers=headers, read_timeout_seconds=self._silence(), retry=NO_RETRY)
        with self._client.stream(call) as response:
            for message in httpx2.EventSource(response):
                self._check_deadline()
                event = _parse_event(message)
                # A server that ignores Last-Event-ID starts over: what was seen is not told twice.
                if event is None or event.id <= self._last_id:
                    continue
                self._last_id = event.id
                yield event

    def _poll(self) -> Iterator[ProgressEvent]:
        while True:
            job = self._jobs.retrieve(self._job_id)
            event = _event_of(job, max(0, self._last_id))
            if event != self._last:
                self._last = event
                yield event
            if job.status.is_final:
                return
            self._sleep(POLL_SECONDS)

    def _silence(self) -> float:
        if self._deadline is None:
            return STREAM_SILENCE_SECONDS
        return max(0.1, min(STREAM_SILENCE_SECONDS, self._deadline - time.monotonic()))

    def _sleep(self, seconds: float) -> None:
        self._check_deadline()
        time.sleep(seconds)

    def _check_deadline(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise ClientTimeoutError(408, f"Job {self._job_id} has not ended in time; it goes on. Watch it again.")


def _parse_event(message: httpx2.ServerSentEvent) -> ProgressEvent | None:
    with suppress(msgspec.DecodeError, ValidationError, ValueError):
        data = msgspec.json.decode(message.data)
        if isinstance(data, dict):
            return ProgressEvent.model_validate({**data, "id": int(message.id), "event": message.event})
    if message.event in {"progress", *_FINAL_EVENTS.values()}:
        raise StreamError(None, f"Event {message.id!r} of the job's progress is not readable.")
    return None


def _event_of(job: AsyncJob, last_id: int) -> ProgressEvent:
    return ProgressEvent(
        id=last_id,
        event=_FINAL_EVENTS.get(job.status, "progress"),
        processed=job.progress.processed,
        total=job.progress.total,
        error=job.error,
    )
