"""Durable jobs: where they are, how they go on, and how to stop them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import anyio
from fastapi import Depends, Header, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from synapse_sdk.wire.jobs import AsyncJob, ProgressEvent
from synapse_sdk.wire.pages import Envelope, Page
from web_helper.backend.api.context import Reading, Signer, Writing, settings_of
from web_helper.backend.api.list_query import CursorQuery, cursor_query
from web_helper.backend.api.resource import create_router, envelope
from web_helper.backend.queries.async_jobs import LISTING
from web_helper.backend.services.exports import async_jobs as service
from web_helper.backend.services.exports.job_progress import ProgressHub, event_text
from web_helper.backend.services.lists import read_cursor_page

router = create_router("async_jobs")
_query_of = cursor_query(LISTING, AsyncJob)
# An event is no answer's model, so that FastAPI does not describe it; what it refers to, a job's steps, it does.
_EVENT = ProgressEvent.model_json_schema(ref_template="#/components/schemas/{model}")
_EVENT.pop("$defs", None)
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `progress`, and at the end `completed`, `failed` or `cancelled`.",
        "content": {"text/event-stream": {"schema": _EVENT}},
    }
}


class EventsResponse(Response):
    """A job's events, to a watcher that costs a task and a few kilobytes."""

    media_type = "text/event-stream"
    _HEARTBEAT = b": heartbeat\n\n"

    def __init__(self, hub: ProgressHub, job_id: str, *, after: int, heartbeat_seconds: float) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        # The length is not known.
        del self.headers["content-length"]
        self._states = hub.watch(job_id, after, idle_seconds=heartbeat_seconds)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._await_leaving, receive, tasks.cancel_scope)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for state in self._states:
                block = self._HEARTBEAT if state is None else event_text(state)
                await send({"type": "http.response.body", "body": block, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            tasks.cancel_scope.cancel()

    @staticmethod
    async def _await_leaving(receive: Receive, watching: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        watching.cancel()


@router.get("/v2/async-jobs/")
def list_async_jobs(
    call: Reading, signer: Signer, request: Request, query: Annotated[CursorQuery, Depends(_query_of)]
) -> Page[AsyncJob]:
    """Jobs of projects from which the caller may export, newest first."""
    page = read_cursor_page(call, LISTING, query.request)
    pagination: dict[str, Any] = {
        "next_cursor": page.next_cursor,
        "previous_cursor": page.previous_cursor,
        "per_page": query.request.per_page,
    }
    jobs = [service.show_job(job, signer, settings_of(request)) for job in page.rows]
    return Page[AsyncJob].model_validate(
        {"data": jobs, "meta": {"request_id": call.request_id, "pagination": pagination}}
    )


@router.get("/v2/async-jobs/{job_id}/", response_model=Envelope[AsyncJob])
def read_async_job(call: Reading, signer: Signer, request: Request, job_id: str) -> Any:
    """One job; a finished export with a signed link to its bundle."""
    return envelope(call, service.show_job(service.read_job(call, job_id), signer, settings_of(request)))


@router.post("/v2/async-jobs/{job_id}/cancel/", response_model=Envelope[AsyncJob])
def cancel_async_job(call: Writing, signer: Signer, request: Request, job_id: str) -> Any:
    """Stop a job: at once when it waits, within about a second when it runs."""
    return envelope(call, service.show_job(service.cancel_job(call, job_id), signer, settings_of(request)))


@router.get(
    "/v2/async-jobs/{job_id}/progress/", status_code=HTTPStatus.OK, response_class=EventsResponse, responses=_STREAM
)
def watch_async_job(
    call: Reading,
    request: Request,
    job_id: str,
    last_event_id: Annotated[
        int, Header(description="The last event that was seen; the stream goes on after it.")
    ] = -1,
) -> EventsResponse:
    """Follow a job as server-sent events until it ends; comments in between keep the connection open."""
    job = service.read_job(call, job_id)
    hub: ProgressHub = request.app.state.progress
    return EventsResponse(hub, job.id, after=last_event_id, heartbeat_seconds=settings_of(request).heartbeat_seconds)
