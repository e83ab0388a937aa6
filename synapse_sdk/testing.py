"""Transports for tests: the real application behind the real client, without sockets, and faults on demand.

`InProcessTransport` runs an ASGI application in a thread of its own and streams bodies both ways: what is tested is the
client and the server, and only the wire is missing. `FaultyTransport` wraps any transport and breaks chosen requests in
the ways that networks do.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, MutableMapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import unquote

import httpx2

T = TypeVar("T")
Message = MutableMapping[str, Any]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

# Chunks that an application may be ahead of its reader.
_MAX_CHUNKS_AHEAD = 8
# How long an application has to notice that its client has gone.
_LEAVE_CHECKS, _LEAVE_SECONDS = 4, 0.02


class InProcessTransport(httpx2.BaseTransport):
    """Sends requests of synchronous clients to an ASGI application in this process.

    Use as a context manager: it starts the application (its lifespan) and stops it. Several clients and threads may
    share it; closing a client does not close it.

    Args:
        app: The application.
        timeout_seconds: Used where a request sets no read timeout, so that a hanging application fails a test.
    """

    def __init__(self, app: AsgiApp, *, timeout_seconds: float = 60.0) -> None:
        self._app = app
        self._timeout_seconds = timeout_seconds
        self._loop = _LoopThread()
        self._lifespan: _Lifespan | None = None
        # An HTTP client that is itself a context manager enters its transport once more.
        self._depth = 0

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth > 1:
            return self
        self._loop.start()
        self._lifespan = self._loop.run(_Lifespan.start(self._app), self._timeout_seconds)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        if self._lifespan is not None:
            self._loop.run(self._lifespan.stop(), self._timeout_seconds)
        self._loop.stop(self._timeout_seconds)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        timeout = (request.extensions.get("timeout") or {}).get("read") or self._timeout_seconds
        state = self._lifespan.state if self._lifespan else {}
        exchange = self._loop.run(_Exchange.start(self._app, request, state), self._timeout_seconds)
        try:
            self._loop.run(exchange.wait_for_start(), timeout)
        except httpx2.ReadTimeout:
            self._loop.run(exchange.cancel(), self._timeout_seconds)
            raise
        if exchange.failure is not None and not exchange.status:
            # What the application raised is more use to a test than a 500 would be.
            raise exchange.failure
        body = _ResponseBody(self._loop, exchange, timeout)
        return httpx2.Response(exchange.status, headers=exchange.headers, stream=body, request=request)


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_over = asyncio.Event()
        # One task lives as long as the loop: the threads of synchronous endpoints hang on it and are used again.
        self._thread = threading.Thread(target=self._work, name="in-process-app", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self.run(self._loop.shutdown_default_executor(), timeout)
        self._loop.call_soon_threadsafe(self._is_over.set)
        self._thread.join(timeout)
        self._loop.close()

    def _work(self) -> None:
        self._loop.run_until_complete(self._is_over.wait())
        if rest := asyncio.all_tasks(self._loop):
            # What watches over streams outlives them; left alone, each would be reported as forgotten.
            for task in rest:
                task.cancel()
            self._loop.run_until_complete(asyncio.wait(rest))

    @property
    def is_stopped(self) -> bool:
        return self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout)
        except FutureTimeoutError as exc:
            future.cancel()
            raise httpx2.ReadTimeout("The application did not answer in time.") from exc


class _Lifespan:
    """The application's start and stop."""

    def __init__(self, app: AsgiApp) -> None:
        self.state: dict[str, Any] = {}
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._serve(app))

    @classmethod
    async def start(cls, app: AsgiApp) -> Self:
        lifespan = cls(app)
        await lifespan._ask("startup")
        return lifespan

    async def stop(self) -> None:
        if not self._task.done():
            await self._ask("shutdown")
            await asyncio.wait({self._task})

    async def _ask(self, what: str) -> None:
        await self._to_app.put({"type": f"lifespan.{what}"})
        answer = asyncio.ensure_future(self._from_app.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            # An application without a lifespan raises or returns at once, which is allowed.
            self._task.exception()
        elif answer.result()["type"].endswith(".failed"):
            raise RuntimeError(f"The application failed at {what}: {answer.result().get('message', '')}")

    async def _serve(self, app: AsgiApp) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        await app(scope, self._to_app.get, self._from_app.put)


class _Exchange:
    """One request and its answer, inside the application's loop."""

    def __init__(self, request: httpx2.Request) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._started = asyncio.Event()
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_CHUNKS_AHEAD)
        self._request = request
        self._body = iter(request.stream)  # type: ignore[arg-type]
        self._is_body_sent = False
        self._is_complete = False
        self._finished = asyncio.Event()
        self._task: asyncio.Task[None]

    @classmethod
    async def start(cls, app: AsgiApp, request: httpx2.Request, state: dict[str, Any]) -> Self:
        exchange = cls(request)
        exchange._task = asyncio.ensure_future(exchange._serve(app, state))
        # Looked at in any case: an exception that nobody asks for would be a warning at the end of a test.
        exchange._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return exchange

    @property
    def failure(self) -> BaseException | None:
        """What the application raised before its answer was complete; afterwards nobody is left to be told."""
        is_over = self._task.done() and not self._task.cancelled()
        raised = self._task.exception() if is_over else None
        return None if self._is_complete else raised

    async def wait_for_start(self) -> None:
        await self._started.wait()
        if not self.status:
            await asyncio.wait({self._task})

    async def next_chunk(self) -> bytes | None:
        chunk = await self._chunks.get()
        if chunk is None and not self._is_complete:
            await asyncio.wait({self._task})
        return chunk

    async def cancel(self) -> None:
        """Let the application see that the client has gone, then stop it."""
        self._finished.set()
        for _ in range(_LEAVE_CHECKS):
            while not self._chunks.empty():
                self._chunks.get_nowait()
            await asyncio.wait({self._task}, timeout=_LEAVE_SECONDS)
            if self._task.done():
                break
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _serve(self, app: AsgiApp, state: dict[str, Any]) -> None:
        try:
            await app(self._scope(state), self._receive, self._send)
        finally:
            self._finished.set()
            self._started.set()
            if not self._is_complete:
                await self._chunks.put(None)

    def _scope(self, state: dict[str, Any]) -> dict[str, Any]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self._request.method,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "scheme": url.scheme,
            "path": unquote(url.path),
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "root_path": "",
            "server": (url.host, url.port or (443 if url.scheme == "https" else 80)),
            "client": ("127.0.0.1", 1),
            "state": dict(state),
        }

    async def _receive(self) -> Message:
        if self._is_body_sent:
            await self._finished.wait()
            return {"type": "http.disconnect"}
        chunk = await asyncio.to_thread(next, self._body, None)
        self._is_body_sent = chunk is None
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
            self._started.set()
        elif message["type"] == "http.response.body":
            if message.get("body") and self._request.method != "HEAD":
                await self._chunks.put(bytes(message["body"]))
            if not message.get("more_body"):
                self._is_complete = True
                self._finished.set()
                await self._chunks.put(None)


class _ResponseBody(httpx2.SyncByteStream):
    def __init__(self, loop: _LoopThread, exchange: _Exchange, timeout: float) -> None:
        self._loop = loop
        self._exchange = exchange
        self._timeout = timeout
        self._is_read = False

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._loop.run(self._exchange.next_chunk(), self._timeout)) is not None:
            yield chunk
        self._is_read = True
        if self._exchange.failure is not None:
            raise httpx2.RemoteProtocolError("The application failed in the middle of its answer.")

    def close(self) -> None:
        if not self._is_read and not self._loop.is_stopped:
            self._loop.run(self._exchange.cancel(), self._timeout)


@dataclass
class Fault:
    """What goes wrong with requests that match, and how often.

    Attributes:
        path: A regular expression that is searched in the request's path.
        method: Only this method; None matches any.
        times: How many matching requests are broken; after that they pass.
        skip: How many matching requests pass first.
        status: Answer with this status instead of asking the server.
        headers: Headers of that answer, such as `Retry-After`.
        body: Body of that answer.
        error: Raise this instead of asking the server, such as `httpx2.ReadTimeout`.
        cut_after: Let the server answer, and break the connection after so many bytes of the body.
        lose_answer: Let the server do the work, then raise `error` (a lost answer), `httpx2.ReadError` when None.
    """

    path: str
    method: str | None = None
    times: int = 1
    skip: int = 0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: type[httpx2.TransportError] | None = None
    cut_after: int | None = None
    lose_answer: bool = False

    def matches(self, request: httpx2.Request) -> bool:
        return self.method in {None, request.method} and re.search(self.path, request.url.path) is not None


class FaultyTransport(httpx2.BaseTransport):
    """Breaks chosen requests on their way through another transport.

    Args:
        inner: Carries what is not broken, and stays the caller's.
        rules: Faults; the first that matches and is not used up decides.

    Attributes:
        seen: Method and path of every request, in order.
    """

    def __init__(self, inner: httpx2.BaseTransport, rules: Sequence[Fault]) -> None:
        self.seen: list[tuple[str, str]] = []
        self._inner = inner
        self._left = [[rule.skip, rule.times] for rule in rules]
        self._rules = list(rules)
        self._lock = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        fault = self._take(request)
        if fault is None:
            return self._inner.handle_request(request)
        if fault.status is not None:
            request.read()
            return httpx2.Response(fault.status, headers=fault.headers, content=fault.body, request=request)
        if fault.cut_after is not None:
            return _cut(self._inner.handle_request(request), fault.cut_after)
        if fault.lose_answer:
            response = self._inner.handle_request(request)
            response.read()
            response.close()
        raise (fault.error or httpx2.ReadError)("A fault was injected.", request=request)

    def count(self, path: str, method: str | None = None) -> int:
        """How many requests went to paths that match, broken ones included."""
        return sum(1 for m, p in self.seen if method in {None, m} and re.search(path, p))

    def _take(self, request: httpx2.Request) -> Fault | None:
        with self._lock:
            self.seen.append((request.method, request.url.path))
            for rule, left in zip(self._rules, self._left, strict=True):
                if not left[1] or not rule.matches(request):
                    continue
                if left[0]:
                    left[0] -= 1
                    return None
                left[1] -= 1
                return rule
        return None


def _cut(response: httpx2.Response, cut_after: int) -> httpx2.Response:
    stream = _CutBody(response, cut_after)
    return httpx2.Response(response.status_code, headers=response.headers, stream=stream, request=response.request)


class _CutBody(httpx2.SyncByteStream):
    def __init__(self, response: httpx2.Response, cut_after: int) -> None:
        self._response = response
        self._cut_after = cut_after

    def __iter__(self) -> Iterator[bytes]:
        left = self._cut_after
        for chunk in self._response.iter_raw():
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                break
        raise httpx2.ReadError("The connection broke in the middle of the body.")

    def close(self) -> None:
        self._response.close()
