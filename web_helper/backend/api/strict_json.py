"""Request bodies read strictly: `json.loads` lets NaN and lone surrogates through, which no database keeps."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from web_helper.backend.api.errors import BodyError

# 200 import items of 1,000 annotations each fit many times; nobody fills the server's memory with one request.
MAX_BODY_BYTES = 64 * 2**20


class StrictRequest(Request):
    """A request of bounded size whose JSON is what RFC 8259 allows, without NUL characters (PostgreSQL keeps none)."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            received = bytearray()
            async for chunk in self.stream():
                received += chunk
                if len(received) > MAX_BODY_BYTES:
                    limit = f"The body is larger than {MAX_BODY_BYTES} bytes; send less in one request."
                    raise HTTPException(413, limit)
            self._body = bytes(received)
        return self._body

    async def json(self) -> Any:
        body = await self.body()
        try:
            document = msgspec.json.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
            raise BodyError(str(exc)) from exc
        if b"\\u0000" in body and _holds_nul(document):
            raise BodyError("NUL characters are not allowed")
        return document


def _holds_nul(document: Any) -> bool:
    if isinstance(document, str):
        return "\0" in document
    if isinstance(document, dict):
        return any(_holds_nul(key) or _holds_nul(value) for key, value in document.items())
    return isinstance(document, list) and any(_holds_nul(item) for item in document)


class StrictRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly
