"""Runs of plugins and what they print: v1 (lower-case states) and v2 (upper-case states)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import StreamingResponse

from synapse_sdk.wire.pages import Envelope
from synapse_sdk.wire.plugins import ConsoleLogs, Job, JobChange, JobCreate, JobV1
from web_helper.backend.api.context import Reading, ReadingActor, Writing, begin_call, database_of
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.core.problems import NotFoundProblem
from web_helper.backend.queries.plugins import jobs as queries
from web_helper.backend.services.call import Actor
from web_helper.backend.services.plugins import jobs as service

# How often a watched run is looked at.
TAIL_SECONDS = 0.5

After = Annotated[int, Query(ge=0, description="Only what was printed after so many bytes.")]


def _register(resource: Resource) -> Resource:
    resource.listed()
    resource.created(service.create_job, JobCreate)
    resource.read(service.find_job)
    resource.changed(service.update_job, JobChange)
    resource.deleted(service.delete_job)
    return resource


router = _register(Resource("jobs", queries.LISTING, Job, has_v1=False, id_type=str)).router
router.routes.extend(_register(Resource("jobs", queries.LISTING, JobV1, has_v2=False, id_type=str)).router.routes)


@router.get("/jobs/{item_id}/console_logs/", operation_id="v1_jobs_console_logs")
def read_console_logs(call: Reading, item_id: str, after: After = 0) -> ConsoleLogs:
    """What a run has printed."""
    return service.read_console_logs(call, item_id, after)


@router.get("/v2/jobs/{item_id}/console-logs/", operation_id="v2_jobs_console_logs")
def read_console_logs_v2(call: Reading, item_id: str, after: After = 0) -> Envelope[ConsoleLogs]:
    """What a run has printed."""
    logs = service.read_console_logs(call, item_id, after)
    return Envelope[ConsoleLogs].model_validate(envelope(call, logs))


@router.post("/jobs/{item_id}/stop/", operation_id="v1_jobs_stop")
def stop_job(call: Writing, item_id: str) -> JobV1:
    """Ask a run to stop; its status says when it has."""
    return JobV1.model_validate(service.stop_job(call, item_id), from_attributes=True)


@router.post("/v2/jobs/{item_id}/stop/", operation_id="v2_jobs_stop")
def stop_job_v2(call: Writing, item_id: str) -> Envelope[Job]:
    """Ask a run to stop; its status says when it has."""
    job = Job.model_validate(service.stop_job(call, item_id), from_attributes=True)
    return Envelope[Job].model_validate(envelope(call, job))


@router.get(
    "/async/jobs/{item_id}/tail_console_logs/",
    operation_id="v1_jobs_tail_console_logs",
    response_class=StreamingResponse,
)
async def tail_console_logs(request: Request, actor: ReadingActor, item_id: str) -> StreamingResponse:
    """What a run prints, line by line as it comes, until it ends."""
    first = await asyncio.to_thread(_state, request, actor, item_id)
    return StreamingResponse(_tail(request, actor, item_id, first), media_type="text/plain")


async def _tail(request: Request, actor: Actor, job_id: str, state: service.ConsoleState) -> AsyncIterator[str]:
    sent, sent_bytes = "", 0
    while True:
        rest = state.after(sent, sent_bytes)
        complete = rest if state.has_ended else rest[: rest.rfind("\n") + 1]
        if complete:
            later = len(rest) - len(complete)
            sent = state.text[: len(state.text) - later]
            sent_bytes = (state.size_bytes or 0) - len(rest[len(complete) :].encode())
            yield complete
        if state.has_ended or await request.is_disconnected():
            return
        await asyncio.sleep(TAIL_SECONDS)
        try:
            state = await asyncio.to_thread(_state, request, actor, job_id)
        except NotFoundProblem:
            return


def _state(request: Request, actor: Actor, job_id: str) -> service.ConsoleState:
    with begin_call(request, actor, database_of(request).read()) as call:
        return service.console_state(call, job_id)
