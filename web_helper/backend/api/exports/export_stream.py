"""Exports as streams of lines."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import anyio
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from synapse_sdk.wire.bundle import ExportStreamLine
from web_helper.backend.api.context import Reading, settings_of
from web_helper.backend.api.errors import ERROR_RESPONSES
from web_helper.backend.api.exports.export_query import ExportQuery, read_export_query
from web_helper.backend.api.resource import create_router
from web_helper.backend.services.exports.export_stream import ExportStream, plan_stream
from web_helper.backend.services.exports.packing import choose_packing

# A client that takes nothing for so long is cut off, and may go on with its last token.
STALL_SECONDS = 60

router = create_router("exports")


class LinesResponse(StreamingResponse):
    """Lines of JSON, pulled from an export only as fast as the client takes them."""

    media_type = "application/x-ndjson"

    def __init__(self, stream: ExportStream, headers: dict[str, str]) -> None:
        super().__init__((), headers=headers)
        self._stream = stream

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._await_leaving, receive, tasks.cancel_scope)
                await self._send_blocks(send)
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._stream.close)

    async def _await_leaving(self, receive: Receive, tasks: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await run_in_threadpool(self._stream.interrupt)
        tasks.cancel()

    async def _send_blocks(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while (block := await run_in_threadpool(self._stream.next_block)) is not None:
            with anyio.fail_after(STALL_SECONDS):
                await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One line of JSON per row, ascending by id, and one that says that it is the end.",
        "model": ExportStreamLine,
    },
    HTTPStatus.TOO_MANY_REQUESTS: ERROR_RESPONSES["default"] | {"description": "All places for streams are taken."},
}


@router.get("/v2/exports/stream/", status_code=HTTPStatus.OK, response_class=LinesResponse, responses=_ANSWERS)
def stream_export(
    call: Reading, request: Request, query: Annotated[ExportQuery, Depends(read_export_query)]
) -> LinesResponse:
    """Export rows as lines, from one snapshot; `after` takes a broken stream up again."""
    plan = plan_stream(call, query.wish, query.after)
    packing = choose_packing(request.headers.get("Accept-Encoding", ""))
    base_url, state = settings_of(request).base_url, request.app.state
    stream = ExportStream(
        state.database, plan, base_url, slots=state.stream_slots, on_end=state.metrics.note_stream, packing=packing
    )
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "private, no-transform", "X-Accel-Buffering": "no"}
    return LinesResponse(stream, headers | ({"Content-Encoding": packing.value} if packing else {}))
