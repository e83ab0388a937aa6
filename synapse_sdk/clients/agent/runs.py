"""Runs, nodes and GPUs of an agent, and the live output of a run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from synapse_sdk.clients.backend.transport import V1Transport, item_path
from synapse_sdk.clients.base import Call
from synapse_sdk.exceptions import ClientConnectionError, ClientError, StreamLimitExceededError, WebSocketError
from synapse_sdk.utils.network import (
    StreamLimits,
    http_to_websocket_url,
    sanitize_error_message,
    validate_resource_id,
    validate_timeout,
)

TAIL_SECONDS = 30.0
# What a WebSocket that cannot be had is answered with: plain HTTP then does as well.
FALLBACK_STATUSES = frozenset({500, 503})
# Of a stream that had begun: the connection is gone, the run is not.
_BROKEN_STATUSES = frozenset({503})
RESUME_SECONDS = 0.5


class TailProtocol(StrEnum):
    """How a run's output is followed."""

    AUTO = "auto"
    WEBSOCKET = "websocket"
    HTTP = "http"


class RunClientMixin(V1Transport):
    """Runs of an agent."""

    def list_jobs(self) -> Any:
        return self._get("jobs/")

    def get_job(self, job_id: str) -> Any:
        return self._get(item_path("jobs", job_id))

    def get_job_logs(self, job_id: str) -> str:
        """What a run printed, as far as the agent keeps it."""
        return self.send(Call("GET", item_path("jobs", job_id, "logs/"), is_long=True)).text

    def list_job_logs(self, job_id: str) -> str:
        """Another name for `get_job_logs`."""
        return self.get_job_logs(job_id)

    def stop_job(self, job_id: str) -> Any:
        """Ask a run to end; it is killed when it does not."""
        return self._post(item_path("jobs", job_id, "stop/"), {}, repeatable=True)

    def get_gpu_status(self) -> Any:
        return self._get("gpu_status/")

    def list_nodes(self) -> Any:
        return self._get("nodes/")

    def get_node(self, node_id: str) -> Any:
        return self._get(item_path("nodes", node_id))

    def list_tasks(self) -> Any:
        return self._get("tasks/")

    def get_task(self, task_id: str) -> Any:
        return self._get(item_path("tasks", task_id))

    def tail_job_logs(
        self,
        job_id: str,
        timeout: float = TAIL_SECONDS,
        *,
        protocol: str = TailProtocol.AUTO,
        limits: StreamLimits | None = None,
    ) -> Iterator[str]:
        """A run's lines as they come, until it ends; each once, also when the agent is restarted meanwhile.

        Args:
            job_id: The run.
            timeout: Seconds of silence, or of an agent that is away, after which the stream is given up.
            protocol: `websocket`, `http`, or `auto`: a WebSocket, and HTTP where there is none.
            limits: How much the stream may send.

        Raises:
            StreamLimitExceededError: It sent more than the limits allow.
            ClientError: The stream could not be opened, or broke.
        """
        wanted = TailProtocol(protocol)
        if wanted is TailProtocol.HTTP:
            yield from self.stream_tail_job_logs(job_id, timeout, limits=limits)
            return
        try:
            yield from self.websocket_tail_job_logs(job_id, timeout, limits=limits)
        except WebSocketError as exc:
            if wanted is TailProtocol.WEBSOCKET or exc.status_code not in FALLBACK_STATUSES:
                raise
            yield from self.stream_tail_job_logs(job_id, timeout, limits=limits)

    def stream_tail_job_logs(
        self, job_id: str, timeout: float = TAIL_SECONDS, *, limits: StreamLimits | None = None
    ) -> Iterator[str]:
        """A run's lines over HTTP (server-sent events); see `tail_job_logs`."""
        path, seconds = item_path("jobs", job_id, "logs/stream/"), validate_timeout(timeout)

        def receive(position: int) -> Iterator[str]:
            call = Call("GET", path, headers={"Last-Event-ID": str(position)}, read_timeout_seconds=seconds)
            with self.stream(call) as response:
                lines = response.iter_lines()
                yield from (line.removeprefix("data: ") for line in lines if line.startswith("data: "))

        yield from _messages(_resumed(receive, seconds), limits or StreamLimits())

    def websocket_tail_job_logs(
        self, job_id: str, timeout: float = TAIL_SECONDS, *, limits: StreamLimits | None = None
    ) -> Iterator[str]:
        """A run's lines over a WebSocket; see `tail_job_logs`.

        Raises:
            WebSocketError: It could not be opened: 500 when this installation has no `websockets`, else as answered.
        """
        url = http_to_websocket_url(f"{self.base_url}/jobs/{validate_resource_id(job_id)}/logs/")
        headers = {name: value for name, value in self.http.headers.items() if name in _SENT_HEADERS}
        seconds = validate_timeout(timeout)

        def receive(position: int) -> Iterator[str]:
            return _receive(f"{url}?position={position}", headers, seconds)

        yield from _messages(_resumed(receive, seconds), limits or StreamLimits())


_SENT_HEADERS = frozenset({"authorization", "synapse-user", "synapse-tenant"})


def _receive(url: str, headers: dict[str, str], timeout: float) -> Iterator[str]:
    try:
        from websockets import exceptions
        from websockets.sync.client import connect
    except ImportError as exc:
        raise WebSocketError(500, "WebSockets need the package `websockets`: pip install websockets") from exc
    has_begun = False
    try:
        with connect(url, additional_headers=headers, open_timeout=timeout, proxy=None) as socket:
            has_begun = True
            deadline = time.monotonic() + timeout
            while time.monotonic() < deadline:
                yield str(socket.recv(timeout))
                deadline = time.monotonic() + timeout
    except exceptions.ConnectionClosedOK:
        return
    except exceptions.InvalidStatus as exc:
        raise WebSocketError(exc.response.status_code, "The agent refused the WebSocket.") from exc
    except TimeoutError as exc:
        raise WebSocketError(408 if has_begun else 503, f"The run was silent for {timeout:g} s.") from exc
    except (OSError, exceptions.WebSocketException) as exc:
        raise WebSocketError(503, f"The WebSocket broke: {sanitize_error_message(str(exc))}") from exc


def _resumed(receive: Callable[[int], Iterator[str]], seconds: float) -> Iterator[str]:
    """The events of a stream, gone on with where it broke, as long as the agent is not away for too long."""
    position, heard = 0, None
    while True:
        try:
            for event in receive(position):
                heard, message = time.monotonic(), json.loads(event)
                position = message["position"]
                yield event
                if message["type"] != "log":
                    return
            # The agent was stopped, and closed its streams.
            reason: ClientError = ClientConnectionError(None, "The agent ended the stream before the run had ended.")
        except (ClientConnectionError, WebSocketError) as exc:
            reason = exc
        is_passing = isinstance(reason, ClientConnectionError) or reason.status_code in _BROKEN_STATUSES
        if heard is None or not is_passing:
            raise reason
        if time.monotonic() - heard > seconds:
            raise ClientConnectionError(None, f"The agent has been away for {seconds:g} s.") from reason
        time.sleep(RESUME_SECONDS)


def _messages(events: Iterator[str], limits: StreamLimits) -> Iterator[str]:
    received = 0
    for number, event in enumerate(events, 1):
        received += len(event.encode())
        if number > min(limits.max_messages, limits.max_lines) or received > limits.max_bytes:
            raise StreamLimitExceededError(429, "The run sent more than the limits allow. Fetch its log instead.")
        message = json.loads(event)
        if message["type"] == "complete":
            return
        text = str(message["message"])
        if message["type"] == "error":
            raise ClientError(404, sanitize_error_message(text))
        if len(text.encode()) <= limits.max_message_size:
            yield text
