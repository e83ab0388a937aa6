"""Playground apps for callers elsewhere: the server asks here for its visitors, and an app's port stays this host's.

What is passed on carries no key: the caller's is for this agent, and what the server's visitors hold is the server's.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import httpx2
from fastapi import APIRouter, Depends, FastAPI, Request, Response, WebSocket
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from synapse_agent.api.containers import Containers
from synapse_agent.services.containers.playground import Playground
from synapse_sdk.exceptions import ClientError
from synapse_sdk.utils import forwarding

router = APIRouter()
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# `Host` is how the visitor calls the app, and goes on.
_KEYS_OF_SOCKETS = forwarding.KEYS | {b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions"}
_AWAY = "The app did not answer; look at its state and its log."
# Try again later; there is nothing here to speak to.
CLOSE_CODE = 1013


async def client_of(request: Request) -> httpx2.AsyncClient:
    """The process's client for passing requests on; made when the first comes, by the one thread of the loop."""
    client: httpx2.AsyncClient | None = getattr(request.app.state, "app_forwarding", None)
    if client is None:
        client = request.app.state.app_forwarding = forwarding.open_client()
    return client


async def close_client(app: FastAPI) -> None:
    """Close it, if it was ever needed."""
    client: httpx2.AsyncClient | None = getattr(app.state, "app_forwarding", None)
    if client is not None:
        await client.aclose()


class AppAnswer(Response):
    """An app's own answer, passed on as it comes."""

    def __init__(self, client: httpx2.AsyncClient, target: forwarding.Target) -> None:
        super().__init__()
        self._client, self._target = client, target

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await forwarding.forward_http(self._client, self._target, receive, send)
        except forwarding.TargetAwayError:
            body = {"error": {"code": "BAD_GATEWAY", "message": _AWAY, "details": None}}
            await JSONResponse(body, 502)(scope, receive, send)


@router.api_route("/containers/{container_id}/app/{path:path}", methods=METHODS, response_model=None)
async def pass_on(
    request: Request,
    playground: Containers,
    container_id: str,
    client: Annotated[httpx2.AsyncClient, Depends(client_of)],
) -> Response:
    """A request to an app."""
    url = await asyncio.to_thread(playground.wake, container_id)
    headers = request.scope["headers"]
    target = forwarding.Target(
        url + _path_of(request.scope),
        request.method,
        forwarding.pass_headers(headers, without=forwarding.KEYS, more={}),
        has_body=forwarding.has_body(headers),
    )
    return AppAnswer(client, target)


@router.websocket("/containers/{container_id}/app/{path:path}")
async def pass_socket_on(socket: WebSocket, container_id: str) -> None:
    """A WebSocket to an app."""
    playground: Playground = socket.app.state.playground
    try:
        url = await asyncio.to_thread(playground.wake, container_id)
        headers = forwarding.pass_headers(socket.scope["headers"], without=_KEYS_OF_SOCKETS, more={})
        target = forwarding.Target(url.replace("http", "ws", 1) + _path_of(socket.scope), headers=headers)
        await forwarding.forward_websocket(target, socket.scope["subprotocols"], socket.receive, socket.send)
    except (ClientError, forwarding.TargetAwayError):
        await socket.close(CLOSE_CODE)


def _path_of(scope: Scope) -> str:
    """The app's own part of the path, as it was written."""
    path = scope["raw_path"].split(b"/", 4)[4].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"/{path}?{query}" if query else f"/{path}"
