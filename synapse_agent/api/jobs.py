"""Runs of this agent: what they are, what they print, stopping one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query, Request, WebSocket, WebSocketDisconnect
from starlette.responses import PlainTextResponse, StreamingResponse

from synapse_agent.services.capacity import list_gpus
from synapse_agent.services.runs.history import RunHistory
from synapse_sdk.wire.agents import RunRecord

router = APIRouter()
LOOK_SECONDS = 0.3
Position = Annotated[int, Query(ge=0, description="Only what was printed after so many bytes.")]
LastEventId = Annotated[int | None, Header(ge=0)]


def _history(state: Any) -> RunHistory:
    history: RunHistory = state.history
    return history


@router.get("/jobs/")
def list_jobs(request: Request) -> list[RunRecord]:
    """Runs that go on, then those that are over and still kept, newest first."""
    return _history(request.app.state).list()


@router.get("/jobs/{job_id}/")
def get_job(request: Request, job_id: str) -> RunRecord:
    """One run."""
    return _find(request.app.state, job_id)


@router.get("/jobs/{job_id}/logs/", response_class=PlainTextResponse)
def get_job_logs(request: Request, job_id: str) -> PlainTextResponse:
    """What a run printed and this agent still keeps."""
    _find(request.app.state, job_id)
    return PlainTextResponse(_history(request.app.state).console(job_id))


@router.post("/jobs/{job_id}/stop/", status_code=HTTPStatus.ACCEPTED)
def stop_job(request: Request, job_id: str) -> RunRecord:
    """Ask a run to end; it is killed when it does not."""
    run = _find(request.app.state, job_id)
    request.app.state.dispatcher.stop_run(run.id)
    return run


@router.get("/jobs/{job_id}/logs/stream/", response_class=StreamingResponse)
async def stream_job_logs(
    request: Request, job_id: str, last_event_id: LastEventId = None, position: Position = 0
) -> StreamingResponse:
    """What a run prints, as server-sent events `{type, message, position}`; `complete` or `error` ends them.

    Each event's id is its position: whoever was cut off goes on behind it (`Last-Event-ID`).
    """
    await asyncio.to_thread(_find, request.app.state, job_id)
    first = position if last_event_id is None else last_event_id

    async def events() -> AsyncIterator[str]:
        async for some in _tail(_history(request.app.state), job_id, first):
            if await request.is_disconnected():
                return
            # One piece for all that was read at once: a run that prints short lines has ten thousands of them.
            yield "".join(
                f"id: {event['position']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in some
            )

    return StreamingResponse(events(), media_type="text/event-stream")


@router.websocket("/jobs/{job_id}/logs/")
async def watch_job_logs(socket: WebSocket, job_id: str, position: Position = 0) -> None:
    """What a run prints, as messages `{type, message, position}`; `?position=` goes on behind one."""
    await socket.accept()
    try:
        async for some in _tail(_history(socket.app.state), job_id, position):
            for event in some:
                await socket.send_text(json.dumps(event, ensure_ascii=False))
        await socket.close()
    except (WebSocketDisconnect, RuntimeError):
        # Whoever watched has gone; the run goes on.
        return


@router.get("/gpu_status/")
def get_gpu_status() -> dict[str, Any]:
    """The GPUs of this host, as their driver sees them."""
    return {"gpus": list_gpus()}


@router.get("/nodes/")
def list_nodes(request: Request) -> list[dict[str, Any]]:
    """Nodes of the cluster; without one, this host as the only node."""
    nodes: list[dict[str, Any]] = request.app.state.nodes()
    return nodes


@router.get("/nodes/{node_id}/")
def get_node(request: Request, node_id: str) -> dict[str, Any]:
    """One node."""
    for node in list_nodes(request):
        if node["id"] == node_id:
            return node
    raise HTTPException(404, f"There is no node {node_id!r}.")


@router.get("/tasks/")
def list_tasks() -> list[dict[str, Any]]:
    """Tasks of a cluster: none, without one."""
    return []


def _find(state: Any, job_id: str) -> RunRecord:
    run = _history(state).find(job_id)
    if run is None:
        raise HTTPException(404, f"This agent has no run {job_id!r}, or does not keep it any more.")
    return run


async def _tail(history: RunHistory, job_id: str, position: int) -> AsyncIterator[list[dict[str, Any]]]:
    """Events of a run, as many at a time as were read at once."""
    while True:
        run = await asyncio.to_thread(history.find, job_id)
        if run is None:
            yield [{"type": "error", "message": "The run is not here any more.", "position": position}]
            return
        is_over = run.phase == "ended"
        lines = await asyncio.to_thread(history.read_lines, job_id, position)
        if lines:
            position = lines[-1].position
            yield [{"type": "log", "message": line.text, "position": line.position} for line in lines]
        elif is_over:
            yield [{"type": "complete", "message": run.status.value, "position": position}]
            return
        else:
            await asyncio.sleep(LOOK_SECONDS)
