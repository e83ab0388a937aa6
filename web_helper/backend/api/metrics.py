"""Numbers for operators, and the middleware that counts requests."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web_helper.backend.api.context import Key, reading_actor, settings_of
from web_helper.backend.api.resource import create_router
from web_helper.backend.services.metrics import Metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# What nobody serves must not make a series per path, nor per invented method.
_OTHER = "other"

router = create_router("metrics")


class RequestMeter:
    """Counts requests by the template of their route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()

        async def send_and_count(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - started
                self.metrics.note_request(_method_of(scope), _route_of(scope), message["status"], seconds)
            await send(message)

        await self.app(scope, receive, send_and_count)


def _method_of(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else _OTHER


def _route_of(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", _OTHER))


def may_read_metrics(request: Request, key: Key) -> None:
    """Anyone where the operator says so, else whoever has a key that reads."""
    if not settings_of(request).metrics_public:
        reading_actor(request, key)


@router.get("/metrics", include_in_schema=False)
@router.get(
    "/metrics/",
    response_class=Response,
    responses={200: {"description": "The text format of Prometheus.", "content": {"text/plain": {}}}},
)
def read_metrics(request: Request, _allowed: Annotated[None, Depends(may_read_metrics)]) -> Response:
    """Requests, jobs by status, rows and bytes exported, as Prometheus reads them."""
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)
