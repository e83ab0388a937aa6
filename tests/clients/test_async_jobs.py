"""Watching a job always ends with its final event, whatever happens to the connection."""

import json
from dataclasses import dataclass, field

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import synapse_sdk.clients.backend_v2.async_jobs as watching
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClientConnectionError,
    ClientTimeoutError,
    NotFoundError,
)
from synapse_sdk.testing import Fault, FaultyTransport, InProcessTransport
from synapse_sdk.utils.retry import NO_RETRY
from synapse_sdk.wire.jobs import AsyncJobStatus

EVENTS = [
    {"id": 0, "event": "progress", "processed": 0, "total": None},
    {"id": 1, "event": "progress", "processed": 0, "total": 30},
    {"id": 2, "event": "progress", "processed": 10, "total": 30},
    {"id": 3, "event": "progress", "processed": 20, "total": 30},
    {"id": 4, "event": "completed", "processed": 30, "total": 30},
]


@dataclass
class JobServer:
    """One job whose events are served as a stream, and whose row says how far it is."""

    events: list[dict] = field(default_factory=lambda: list(EVENTS))
    deliver: list[int] = field(default_factory=list)
    honours_last_event_id: bool = True
    statuses: list[str] = field(default_factory=lambda: ["SUCCEEDED"])
    last_event_ids: list[str | None] = field(default_factory=list)
    polls: int = 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v2/async-jobs/j1/progress/", self.progress),
                Route("/v2/async-jobs/j1/cancel/", self.row, methods=["POST"]),
                Route("/v2/async-jobs/j1/", self.row),
            ]
        )

    async def progress(self, request: Request) -> Response:
        last = request.headers.get("last-event-id")
        self.last_event_ids.append(last)
        after = int(last) if last and self.honours_last_event_id else -1
        events = [event for event in self.events if event["id"] > after]
        if self.deliver:
            events = events[: self.deliver.pop(0)]

        async def stream():
            yield ": heartbeat\n\n"
            for event in events:
                yield f"id: {event['id']}\nevent: {event['event']}\ndata: {json.dumps(event)}\n\n"
                yield ": heartbeat\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def row(self, request: Request) -> Response:
        self.polls += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        job = {
            "job_id": "j1",
            "kind": "export",
            "status": status,
            "progress": {"processed": 30, "total": 30},
            "error": "disk full" if status == "FAILED" else None,
            "created": "2026-01-01T00:00:00Z",
        }
        return JSONResponse({"data": job, "meta": {"request_id": "r"}})


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch):
    monkeypatch.setattr(watching, "RECONNECT_SECONDS", 0.0)
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)


@pytest.fixture
def watch():
    stack = []

    def start(server: JobServer, *faults: Fault, timeout=None):
        transport = InProcessTransport(server.app()).__enter__()
        stack.append(transport)
        wire = FaultyTransport(transport, faults)
        client = BackendV2Client("http://testserver", access_token="syn_x", transport=wire, retry=NO_RETRY)
        return client.async_jobs.stream_progress("j1", timeout)

    yield start
    for transport in stack:
        transport.__exit__()


def ids(events):
    return [event.id for event in events]


def test_progress_is_told_until_the_final_event(watch):
    server = JobServer()
    events = list(watch(server))
    assert [event.model_dump(include=set(EVENTS[0])) for event in events] == EVENTS
    assert server.polls == 0


def test_a_stream_that_ends_early_is_taken_up_after_the_last_event(watch):
    server = JobServer(deliver=[2, 1, 99])
    assert ids(watch(server)) == [0, 1, 2, 3, 4]
    assert server.last_event_ids == [None, "1", "2"]


def test_a_connection_that_breaks_in_the_middle_is_taken_up(watch):
    server = JobServer()
    events = list(watch(server, Fault("progress", cut_after=130, times=2)))
    assert ids(events) == [0, 1, 2, 3, 4]
    assert len(server.last_event_ids) == 3


def test_a_server_that_starts_over_tells_nothing_twice(watch):
    server = JobServer(deliver=[3, 99], honours_last_event_id=False)
    assert ids(watch(server)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("fault", [{"error": httpx2.ConnectError}, {"status": 502}, {"status": 500}, {"status": 406}])
def test_when_the_stream_keeps_failing_the_row_is_asked(watch, fault):
    server = JobServer(statuses=["RUNNING", "RUNNING", "SUCCEEDED"])
    events = list(watch(server, Fault("progress", times=99, **fault)))
    assert [event.event for event in events] == ["progress", "completed"]
    assert server.polls == 3


def test_what_is_no_event_stream_is_not_taken_for_one(watch):
    server = JobServer()
    events = list(watch(server, Fault("progress", status=200, body=b"<html>", times=99)))
    assert [event.event for event in events] == ["completed"]


def test_unreadable_events_are_not_taken_for_progress(watch):
    body = b"id: 1\nevent: progress\ndata: not json\n\n"
    fault = Fault("progress", status=200, headers={"Content-Type": "text/event-stream"}, body=body, times=99)
    assert [event.event for event in watch(JobServer(), fault)] == ["completed"]


def test_unknown_events_are_passed_over(watch):
    server = JobServer()
    server.events.insert(1, {"id": 1, "event": "hello"})
    assert [event.event for event in watch(server)][-1] == "completed"


@pytest.mark.parametrize(("event", "status"), [("failed", "FAILED"), ("cancelled", "CANCELLED")])
def test_an_unhappy_end_is_an_event_too(watch, event, status):
    server = JobServer(events=[{"id": 1, "event": event, "processed": 3, "total": 9, "error": "disk full"}])
    final = list(watch(server))[-1]
    assert (final.event, final.processed, final.error) == (event, 3, "disk full")
    polled = list(watch(JobServer(statuses=[status]), Fault("progress", status=502, times=99)))[-1]
    assert polled.event == event


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthenticationError), (403, AuthorizationError), (404, NotFoundError)]
)
def test_a_job_that_may_not_be_watched_raises_at_once(watch, status, error):
    server = JobServer()
    with pytest.raises(error):
        list(watch(server, Fault("progress", status=status, times=99)))
    assert server.polls == 0


def test_a_server_that_stays_away_raises(watch):
    with pytest.raises(ClientConnectionError):
        list(watch(JobServer(), Fault(".", error=httpx2.ConnectError, times=99)))


def test_watching_ends_in_time_though_the_job_goes_on(watch):
    server = JobServer(events=EVENTS[:2], statuses=["RUNNING"])
    with pytest.raises(ClientTimeoutError, match="it goes on"):
        list(watch(server, timeout=0.3))


def test_cancelling_may_be_repeated():
    server = JobServer(statuses=["CANCELLED"])
    with InProcessTransport(server.app()) as transport:
        wire = FaultyTransport(transport, [Fault("cancel", lose_answer=True)])
        client = BackendV2Client("http://testserver", access_token="syn_x", transport=wire)
        assert client.async_jobs.cancel("j1").status is AsyncJobStatus.CANCELLED
    assert server.polls == 2
