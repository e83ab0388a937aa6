"""Passes requests on to another server, and its answers back, as they come: HTTP in both directions, and WebSockets.

Plain ASGI, so that server and agent do it with the same code. Nothing is gathered: neither an upload nor an endless
answer takes memory here. What is passed on, and to whom, is the caller's to decide.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import anyio
import httpx2

from synapse_sdk.wire.accounts import KEY_PREFIX, SESSION_COOKIE

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CONNECT_SECONDS = 5.0
# How often it is asked whether an open connection is still allowed.
CHECK_SECONDS = 15.0
MAX_CONNECTIONS = 1000
# A single message; an app that sends pictures through its socket sends large ones.
MAX_SOCKET_MESSAGE = 64 * 2**20
# They speak of one connection, not of the message.
HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te"}
    | {b"trailer", b"transfer-encoding", b"upgrade"}
)

# In which a caller shows the platform who it is.
KEYS = frozenset({b"authorization", b"cookie", b"synapse-access-token", b"x-api-key"})


class TargetAwayError(ConnectionError):
    """Nobody answers where a request was to be passed on to."""


@dataclass(frozen=True)
class Target:
    """Where a request goes.

    Attributes:
        url: With the query.
        headers: All that are sent.
        has_body: Whether the request brings one.
        is_allowed: Asked now and then while it lasts; once it says no, the connection is cut.
    """

    url: str
    method: str = "GET"
    headers: Headers = field(default_factory=list, repr=False)
    has_body: bool = False
    is_allowed: Callable[[], Awaitable[bool]] | None = None


def open_client() -> httpx2.AsyncClient:
    """A client for passing requests on: answers may take as long as they take, redirects are the asker's to follow."""
    limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=100)
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    return httpx2.AsyncClient(
        timeout=timeout, limits=limits, trust_env=False, follow_redirects=False, cookies=no_cookies()
    )


def no_cookies() -> CookieJar:
    """For a client that is shared: what one asker is given would be sent with the next one's requests."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def pass_headers(
    headers: Iterable[tuple[bytes, bytes]], *, without: frozenset[bytes], more: Mapping[str, str]
) -> Headers:
    """A message's headers for the next server: without those of the connection, and with some of our own instead."""
    own = {name.lower().encode(): value.encode("latin-1", "replace") for name, value in more.items()}
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in HOP_BY_HOP and name.lower() not in without and name.lower() not in own
    ]
    return kept + list(own.items())


def without_platform_keys(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A message's headers without the platform's keys; the next server's own keys and cookies stay."""
    spared = ((name, _spare_cookies(value) if name.lower() == b"cookie" else value) for name, value in headers)
    return [(name, value) for name, value in spared if not _is_key(name.lower(), value)]


def _spare_cookies(value: bytes) -> bytes:
    cookies = (each.strip() for each in value.split(b";"))
    return b"; ".join(each for each in cookies if each.partition(b"=")[0] != SESSION_COOKIE.encode())


def _is_key(name: bytes, value: bytes) -> bool:
    return not value if name == b"cookie" else name in KEYS and KEY_PREFIX.encode() in value


def has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request with these headers brings a body."""
    given = {name.lower(): value for name, value in headers}
    return b"transfer-encoding" in given or given.get(b"content-length", b"0") != b"0"


async def forward_http(
    client: httpx2.AsyncClient,
    target: Target,
    receive: Receive,
    send: Send,
    *,
    shape: Callable[[int, Headers], Headers] = lambda _status, headers: headers,
) -> None:
    """Pass one request on and answer it.

    Args:
        client: From `open_client`.
        target: Where it goes.
        receive: ASGI's, of the request.
        send: ASGI's.
        shape: The headers of the answer, from its status and what the other server said.

    Raises:
        TargetAwayError: Nobody answers there; nothing was sent yet.
    """
    problem: Exception | None = None
    async with anyio.create_task_group() as tasks:
        chunks, body = anyio.create_memory_object_stream[bytes](1)
        tasks.start_soon(_read_request, receive, chunks, tasks.cancel_scope)
        tasks.start_soon(_watch, target, tasks.cancel_scope)
        try:
            await _exchange(client, target, body, send, shape=shape)
        except httpx2.TransportError as exc:
            problem = exc
        finally:
            body.close()
        tasks.cancel_scope.cancel()
    if problem is not None:
        raise TargetAwayError(f"It does not answer ({type(problem).__name__}).") from problem


async def _exchange(
    client: httpx2.AsyncClient,
    target: Target,
    body: Any,
    send: Send,
    *,
    shape: Callable[[int, Headers], Headers],
) -> None:
    content = _chunks(body) if target.has_body else None
    request = client.build_request(target.method, target.url, headers=target.headers, content=content)
    answer = await client.send(request, stream=True)
    try:
        kept = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in HOP_BY_HOP]
        await send(
            {
                "type": "http.response.start",
                "status": answer.status_code,
                "headers": shape(answer.status_code, kept),
            }
        )
        # An answer that breaks off here must not look whole: the exception closes the asker's connection.
        try:
            async for chunk in answer.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except httpx2.TransportError as exc:
            raise ConnectionAbortedError("The answer broke off.") from exc
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        with anyio.CancelScope(shield=True):
            await answer.aclose()


async def _read_request(receive: Receive, chunks: Any, scope: anyio.CancelScope) -> None:
    """The only one who reads the request: its body, and then whether the asker leaves."""
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with chunks:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    scope.cancel()
                    return
                if message.get("body"):
                    await chunks.send(message["body"])
                if not message.get("more_body"):
                    break
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _chunks(body: Any) -> AsyncIterator[bytes]:
    async with body:
        async for chunk in body:
            yield chunk


async def _watch(target: Target, scope: anyio.CancelScope) -> None:
    while target.is_allowed is not None:
        await anyio.sleep(CHECK_SECONDS)
        if not await target.is_allowed():
            scope.cancel()
            return


async def forward_websocket(target: Target, subprotocols: Iterable[str], receive: Receive, send: Send) -> None:
    """Open a WebSocket there as somebody opens one here, and pass messages both ways until either end closes.

    Args:
        target: Where it goes, as `ws://…`.
        subprotocols: Those that were offered.
        receive: ASGI's, of a WebSocket that is not accepted yet.
        send: ASGI's.

    Raises:
        TargetAwayError: Nobody answers there, or not with a WebSocket; nothing was accepted yet.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake
    from websockets.typing import Subprotocol

    if (await receive())["type"] != "websocket.connect":
        return
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in target.headers]
    opening = connect(
        target.url,
        additional_headers=[each for each in headers if not each[0].startswith("sec-websocket-") and each[0] != "host"],
        subprotocols=[Subprotocol(each) for each in subprotocols] or None,
        user_agent_header=None,
        max_size=MAX_SOCKET_MESSAGE,
        open_timeout=CONNECT_SECONDS,
        proxy=None,
    )
    try:
        socket = await opening
    except (OSError, InvalidHandshake, TimeoutError) as exc:
        raise TargetAwayError(f"It does not answer ({type(exc).__name__}).") from exc
    try:
        await send({"type": "websocket.accept", "subprotocol": socket.subprotocol})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_watch, target, tasks.cancel_scope)
            tasks.start_soon(_pass_up, socket, receive, tasks.cancel_scope)
            await _pass_down(socket, send)
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await socket.close()


async def _pass_up(socket: Any, receive: Receive, scope: anyio.CancelScope) -> None:
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(ConnectionClosed):
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            await socket.send(text if text is not None else message["bytes"])
    scope.cancel()


async def _pass_down(socket: Any, send: Send) -> None:
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(ConnectionClosed):
        async for message in socket:
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})
    # How it was closed there, it is closed here.
    await send({"type": "websocket.close", "code": _code_of(socket.close_code), "reason": socket.close_reason or ""})


def _code_of(code: int | None) -> int:
    """A code that may be sent: 1005 and 1006 only stand for none, and for a connection that broke."""
    return 1000 if code in {None, 1005} else 1011 if code == 1006 else int(code or 1000)
