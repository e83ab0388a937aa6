"""Request bodies read strictly: `json.loads` lets NaN and lone surrogates through, which no database keeps."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from threading import RLock
from typing import Any

import msgspec
from fastapi import HTTPException, Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from starlette.routing import compile_path

from web_helper.backend.api.errors import BodyError
from web_helper.backend.api.one_thread import PendingCall, in_one_thread
from web_helper.backend.core.problems import Problem

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
    """A route that reads its body strictly, and whose handler has one thread for everything.

    What the search for a route asks is there at once. The rest (parameters, models, their validators) takes 30 KB and a
    millisecond for each of 350 routes, most of which an installation never uses: it is built when first asked for.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._lock, self._options = RLock(), options
        self.path, self.endpoint = path, in_one_thread(endpoint, self._shape)
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.methods = set(options["methods"])

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if options := self.__dict__.pop("_options", None):
                super().__init__(self.path, self.endpoint, **options)
        return object.__getattribute__(self, name)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            try:
                return await handle(StrictRequest(request.scope, request.receive))
            except (RequestValidationError, Problem):
                pending: PendingCall | None = getattr(request.state, "pending_call", None)
                if pending is not None:
                    await pending.check()
                raise

        return handle_strictly

    def _shape(self, answer: Any) -> Any:
        """An answer as its model says, as bytes; the framework would do it in the thread that all requests share."""
        field = self.response_field
        if field is None or isinstance(answer, Response) or not isinstance(self.response_class, DefaultPlaceholder):
            return answer
        value, errors = field.validate(answer, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors=errors, body=answer)
        return Response(field.serialize_json(value), self.status_code or 200, media_type="application/json")
