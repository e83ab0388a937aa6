"""From a deployment class to an ASGI application below its prefix, with a bound on what is worked on at once."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from synapse_sdk.exceptions import ClientError, ConfigurationError, SynapseError
from synapse_sdk.plugins.actions.inference import BaseServeDeployment
from synapse_sdk.plugins.actions.inference.model_token import HEADER, current_token
from synapse_sdk.utils.network import sanitize_error_message
from synapse_sdk.wire.serve import ServeDeploy

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 256 * 2**20
_MODEL_HEADER = HEADER.encode()


class Gate:
    """Every request passes here: counted, bounded, below the prefix, with the model that it chose.

    Attributes:
        ongoing: Requests that are worked on or wait.
        is_draining: Tell each caller to come back on another connection: this replica ends.
    """

    def __init__(self, app: Asgi, spec: ServeDeploy) -> None:
        self._app = app
        self._prefix = spec.route_prefix
        self._slots = asyncio.Semaphore(spec.options.max_ongoing_requests)
        queued = spec.options.max_queued_requests
        self._most = None if queued < 0 else spec.options.max_ongoing_requests + queued
        self.ongoing = 0
        self.is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            await problem(404, "NOT_FOUND", "This application has another route prefix.")(scope, receive, send)
            return
        if self._most is not None and self.ongoing >= self._most:
            busy = problem(503, "BUSY", "Too many requests wait for this replica. Try again.")
            await busy(scope, receive, self._last_words(send))
            return
        self.ongoing += 1
        try:
            async with self._slots:
                await self._answer(
                    {**scope, "path": path[len(self._prefix) :] or "/", "root_path": self._prefix}, receive, send
                )
        finally:
            self.ongoing -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = next((value for name, value in scope["headers"] if name == _MODEL_HEADER), b"")
        current_token.set(token.decode("latin-1"))
        await self._app(scope, receive, self._last_words(send))

    def _last_words(self, send: Send) -> Send:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if self.is_draining and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
            await send(message)

        return sending


def make_application(instance: BaseServeDeployment) -> Asgi:
    """The instance's routes: its own application's, or the plain one that calls `infer`."""
    app = type(instance).app
    if app is None:
        return _plain(instance)
    if isinstance(app, FastAPI):
        _bind_methods(app, instance)
    if isinstance(app, Starlette):
        app.add_exception_handler(SynapseError, _explain)
    application: Asgi = app
    return application


def problem(status: int, code: str, message: str) -> Response:
    """An error body, as everywhere on the platform."""
    body = {"error": {"code": code, "message": message, "details": None}}
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def _bind_methods(app: FastAPI, instance: BaseServeDeployment) -> None:
    """Give routes that were declared on methods of the class the one instance that answers here."""
    for route in list(app.router.routes):
        if not isinstance(route, APIRoute):
            continue
        name = getattr(route.endpoint, "__name__", "")
        is_method = name in {
            key for kind in type(instance).__mro__ for key, value in vars(kind).items() if value is route.endpoint
        }
        if is_method:
            app.router.routes.remove(route)
            app.add_api_route(
                route.path,
                getattr(instance, name),
                methods=list(route.methods or {"GET"}),
                response_model=route.response_model,
                status_code=route.status_code,
                name=route.name,
            )


def _plain(instance: BaseServeDeployment) -> Asgi:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _no_lifespan(receive, send)
            return
        if scope["path"] != "/" or scope["method"] != "POST":
            await problem(404, "NOT_FOUND", "Only POST on the route prefix is answered.")(scope, receive, send)
            return
        await (await _infer(instance, receive))(scope, receive, send)

    return answer


async def _infer(instance: BaseServeDeployment, receive: Receive) -> Response:
    try:
        value = msgspec.json.decode(await _read_body(receive) or b"{}")
    except (msgspec.DecodeError, OverflowError) as exc:
        return problem(400, "VALIDATION_ERROR", f"The body cannot be read: {exc}")
    try:
        result = await (instance.infer(**value) if isinstance(value, dict) else instance.infer(value))
        return Response(to_json(result, fallback=_to_plain, inf_nan_mode="null"), media_type="application/json")
    # A request's edge: whatever the plugin raises is its caller's answer; sys.exit() ends no replica.
    except (Exception, SystemExit) as exc:  # noqa: BLE001
        return _failure(exc)


async def _explain(_request: Request, exc: Exception) -> Response:
    return _failure(exc)


def _failure(exc: BaseException) -> Response:
    if isinstance(exc, ConfigurationError):
        return problem(400, exc.code, sanitize_error_message(str(exc)))
    if isinstance(exc, ClientError):
        return problem(502, exc.code, sanitize_error_message(str(exc)))
    traceback.print_exc(file=sys.stderr)
    return problem(500, "INFERENCE_FAILED", sanitize_error_message(f"{type(exc).__name__}: {exc}"))


async def _read_body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise OverflowError(f"it is longer than {MAX_BODY_BYTES} bytes")
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _no_lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def _to_plain(value: Any) -> Any:
    # Arrays and scalars of NumPy and Torch, without importing either.
    return value.tolist() if hasattr(value, "tolist") else str(value)
