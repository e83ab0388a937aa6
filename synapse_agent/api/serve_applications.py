"""Serve applications of this host, and their routes for callers elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

import httpx2
import msgspec
from fastapi import APIRouter, Body, Depends, Request, Response
from starlette.responses import PlainTextResponse, StreamingResponse

from synapse_agent.services.serving import Serving
from synapse_sdk.exceptions import ClientError
from synapse_sdk.plugins.actions.inference.model_token import HEADER
from synapse_sdk.utils.forwarding import no_cookies, without_platform_keys
from synapse_sdk.wire.serve import ServeDeploy, ServeInfer, ServeState

router = APIRouter()

INFER_SECONDS = 600.0
# Hop-by-hop headers, the caller's key, and lengths that the next hop counts itself.
_KEPT_BACK = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "authorization"}
    | {"content-length", "proxy-authorization", "synapse-user", "synapse-tenant", "synapse-access-token"}
)


def serving_of(request: Request) -> Serving:
    serving: Serving = request.app.state.serving
    return serving


Applications = Annotated[Serving, Depends(serving_of)]


@router.get("/serve_applications/")
def list_applications(serving: Applications) -> list[ServeState]:
    """Everything that this host serves."""
    return serving.engine.states()


@router.post("/serve_applications/", status_code=HTTPStatus.ACCEPTED)
def deploy_application(serving: Applications, body: ServeDeploy) -> ServeState:
    """Serve a class, or replace what runs under its name; 409 where it does not fit."""
    return serving.deploy(body)


@router.get("/serve_applications/{name}/")
def read_application(serving: Applications, name: str) -> ServeState:
    """One application."""
    return serving.state(name)


@router.delete("/serve_applications/{name}/", status_code=HTTPStatus.ACCEPTED)
def delete_application(serving: Applications, name: str) -> ServeState:
    """Let an application finish what it works on, then end it."""
    return serving.delete(name)


@router.get("/serve_applications/{name}/logs/", response_class=PlainTextResponse)
def read_logs(serving: Applications, name: str) -> str:
    """What its replicas have printed lately."""
    serving.state(name)
    return serving.engine.logs(name).decode(errors="replace")


@router.post("/serve_applications/{name}/access/")
def give_access(serving: Applications, name: str, body: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Where it is asked, and the token that names a model to it."""
    return serving.access(name, body.get("model"))


@router.post("/serve_applications/{name}/infer/")
async def infer(request: Request, serving: Applications, name: str, body: ServeInfer) -> Response:
    """Ask an application with a model."""
    access = await asyncio.to_thread(serving.access, name, body.model)
    headers = {"content-type": "application/json"} | ({HEADER: access["token"]} if access["token"] else {})
    content = b"" if body.body is None else msgspec.json.encode(body.body)
    return await _forward(
        request, body.method.upper(), access["endpoint"] + body.path, headers=headers, content=content
    )


@router.api_route("/serve/{prefix}/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def forward(request: Request, serving: Applications, prefix: str, path: str) -> Response:
    """An application's own routes, for callers elsewhere."""
    endpoint = await asyncio.to_thread(serving.endpoint_of, f"/{prefix}")
    if endpoint is None:
        return _problem(404, "NOT_FOUND", "This agent serves no application with this route prefix.")
    query = f"?{request.url.query}" if request.url.query else ""
    content = await request.body()
    return await _forward(
        request, request.method, f"{endpoint}/{path}{query}", headers=_pass_headers(request), content=content
    )


def _pass_headers(request: Request) -> dict[str, str]:
    """The caller's headers for the application, whose own keys and cookies are among them."""
    given = without_platform_keys(request.headers.raw)
    kept = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in given)
    return {name: value for name, value in kept if name not in _KEPT_BACK}


async def _forward(request: Request, method: str, url: str, *, headers: dict[str, str], content: bytes) -> Response:
    client: httpx2.AsyncClient = request.app.state.forwarding
    try:
        answer = await client.send(client.build_request(method, url, headers=headers, content=content), stream=True)
    except httpx2.TransportError as exc:
        kind = type(exc).__name__
        return _problem(502, "BAD_GATEWAY", f"The application did not answer ({kind}); look at its state and its logs.")
    kept = {name: value for name, value in answer.headers.items() if name not in _KEPT_BACK}
    return StreamingResponse(_content(answer), answer.status_code, kept)


async def _content(answer: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


async def explain(_request: Request, exc: Exception) -> Response:
    """What a service refused, as the platform's error body."""
    status = exc.status_code if isinstance(exc, ClientError) else None
    detail = exc.detail if isinstance(exc, ClientError) else str(exc)
    return _problem(status or 500, getattr(exc, "code", "INTERNAL_ERROR"), str(detail))


def open_forwarding() -> httpx2.AsyncClient:
    """The client that asks applications of this host; bounded by how many requests they take."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
    timeout = httpx2.Timeout(INFER_SECONDS, connect=5.0)
    return httpx2.AsyncClient(timeout=timeout, trust_env=False, limits=limits, cookies=no_cookies())


def _problem(status: int, code: str, message: str) -> Response:
    body = {"error": {"code": code, "message": message, "details": None}}
    return Response(msgspec.json.encode(body), status, media_type="application/json")
