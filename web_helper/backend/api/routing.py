"""From a path to its route, among 350: only those are asked that begin as the path does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

# Segments that are looked at: `/v2/tasks/bulk-fetch`, `/api/components/state`.
HEAD_SEGMENTS = 3
Head = tuple[str, ...]


class RoutesByHead:
    """The router's own search asks one route after the other, which took half a millisecond of each request.

    Whatever two routes may both match is in one place here, in the order that it had.

    Args:
        inner: The router's own search, for all that is no ordinary request.
        routes: All of its routes.
    """

    def __init__(self, inner: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._inner = inner
        fixed = [(_fixed_head(route), route) for route in routes]
        # Each beginning of a head stands for what has a parameter where the path has something else.
        heads = {head[:length] for head, _ in fixed for length in range(len(head) + 1)}
        self._places = {head: _router_of(each for start, each in fixed if _may_match(start, head)) for head in heads}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope.get("root_path"):
            await self._inner(scope, receive, send)
            return
        await self.place_of(scope["path"])(scope, receive, send)

    def place_of(self, path: str) -> APIRouter:
        """A router of the routes that a path may mean."""
        head: Head = tuple(path.split("/", HEAD_SEGMENTS + 1)[1 : HEAD_SEGMENTS + 1])
        while head not in self._places:
            head = head[:-1]
        return self._places[head]


def _fixed_head(route: BaseRoute) -> Head:
    """The first segments of a route's path, as far as they have no parameter."""
    segments = getattr(route, "path", "/{any}").split("/")[1 : HEAD_SEGMENTS + 1]
    variable = [place for place, segment in enumerate(segments) if "{" in segment]
    return tuple(segments[: variable[0]] if variable else segments)


def _may_match(start: Head, head: Head) -> bool:
    """Whether a route with this fixed start may match a path with this head, or one that goes on from it."""
    return head[: len(start)] == start


def _router_of(routes: Iterable[BaseRoute]) -> APIRouter:
    return APIRouter(routes=list(routes), redirect_slashes=False)
