"""A run's log as server-sent events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any

import anyio
from fastapi import Header, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from synapse_sdk.wire.experiments import LogEvent
from web_helper.backend.api.context import ReadingActor, begin_call, database_of, settings_of
from web_helper.backend.api.errors import ERROR_RESPONSES
from web_helper.backend.api.experiments.answers import Uid, create_api_router
from web_helper.backend.core.problems import ValidationProblem
from web_helper.backend.services.authentication import is_still_valid
from web_helper.backend.services.call import Actor
from web_helper.backend.services.experiments.streams import LogBlock, read_log
from web_helper.backend.services.exports.export_stream import StreamSlots

# A log that is silent is looked at less and less often: followers of long runs cost little.
LOOK_SECONDS, MAX_LOOK_SECONDS = 0.25, 2.0
router = create_api_router("experiments")
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `log`, whose id is the offset after it, and `end` when no more will come.",
        "content": {"text/event-stream": {"schema": LogEvent.model_json_schema()}},
    },
    HTTPStatus.TOO_MANY_REQUESTS: ERROR_RESPONSES["default"] | {"description": "All places for followers are taken."},
}


class LogResponse(Response):
    """A log as it grows, to a reader who may leave at any time."""

    media_type = "text/event-stream"

    def __init__(self, request: Request, actor: Actor, uid: str, offset: int, *, follow: bool) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        # The length is not known.
        del self.headers["content-length"]
        self._request, self._actor, self._uid, self._offset, self._follow = request, actor, uid, offset, follow
        self._heartbeat_seconds = settings_of(request).heartbeat_seconds

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        if not self._follow:
            await self._serve(receive, send)
            return
        slots: StreamSlots = self._request.app.state.log_slots
        slots.take()
        try:
            await self._serve(receive, send)
        finally:
            slots.give_back()

    async def _serve(self, receive: Receive, send: Send) -> None:
        # Before the answer begins: an experiment that is not there is a 404.
        block = await anyio.to_thread.run_sync(self._read)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._await_leaving, receive, tasks.cancel_scope)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._send_all(block, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            tasks.cancel_scope.cancel()

    async def _send_all(self, block: LogBlock | None, send: Send) -> None:
        last_sent, look_seconds = time.monotonic(), LOOK_SECONDS
        # Without an end when the key was revoked meanwhile: whoever comes back for the rest is told.
        while block is not None:
            events = b"".join(self._events_of(block))
            if not events and time.monotonic() - last_sent > self._heartbeat_seconds:
                events = b": heartbeat\n\n"
            if events:
                last_sent, look_seconds = time.monotonic(), LOOK_SECONDS
                await send({"type": "http.response.body", "body": events, "more_body": True})
            if block.is_last:
                return
            if not block.has_more:
                await anyio.sleep(look_seconds)
                look_seconds = min(1.5 * look_seconds, MAX_LOOK_SECONDS)
            block = await anyio.to_thread.run_sync(self._read)

    def _events_of(self, block: LogBlock) -> Iterator[bytes]:
        if block.end > self._offset:
            self._offset = block.end
            event = LogEvent(offset=block.end, text=block.text)
            yield f"id: {block.end}\nevent: log\ndata: {event.model_dump_json()}\n\n".encode()
        if block.is_last:
            yield f"event: end\ndata: {block.status.value}\n\n".encode()

    def _read(self) -> LogBlock | None:
        with begin_call(self._request, self._actor, database_of(self._request).read()) as call:
            if not is_still_valid(call.session, self._actor):
                return None
            return read_log(call, self._uid, self._offset, follow=self._follow)

    @staticmethod
    async def _await_leaving(receive: Receive, watching: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        watching.cancel()


@router.get(
    "/{uid}/log",
    operation_id="experiments_log",
    status_code=HTTPStatus.OK,
    response_class=LogResponse,
    responses=_STREAM,
)
def read_log_stream(
    request: Request,
    actor: ReadingActor,
    uid: Uid,
    follow: Annotated[bool, Query(description="Wait for more until the run has ended.")] = True,  # noqa: FBT002
    *,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """The log from the offset in `Last-Event-ID` on, as it comes."""
    if last_event_id is not None and not (last_event_id.isdecimal() and len(last_event_id) < 19):
        raise ValidationProblem.of_field("Last-Event-ID", "is the offset to go on from, a number.")
    return LogResponse(request, actor, uid, int(last_event_id or 0), follow=follow)
