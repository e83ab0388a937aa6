"""From a path to its route: the short search finds what the long one finds."""

import re
from collections.abc import Sequence

import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Match
from starlette.testclient import TestClient

from web_helper.backend.api.routing import RoutesByHead

VALUES = ("7", "set_tags", "a/b", "", "versions")
ELSEWHERE = ("/", "/nowhere", "/v2/nowhere/", "/v2", "/api/components/", "//v2/tasks/", "/tasks", "/tasks/1/x/y/")


def first_match(routes: Sequence[BaseRoute], method: str, path: str) -> tuple[Match, BaseRoute] | None:
    scope = {"type": "http", "method": method, "path": path, "headers": [(b"accept", b"text/html")]}
    found = [(match, route) for route in routes if (match := route.matches(scope)[0]) is not Match.NONE]
    return next((each for each in found if each[0] is Match.FULL), found[0] if found else None)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_every_path_finds_the_route_that_a_search_through_all_finds(app: FastAPI, method: str) -> None:
    routes = app.router.routes
    assert len(routes) > 300
    index = RoutesByHead(app, routes)
    paths = {re.sub(r"{[^}]*}", value, getattr(route, "path", "")) for route in routes for value in VALUES}
    for path in sorted(paths | set(ELSEWHERE)):
        assert first_match(index.place_of(path).routes, method, path) == first_match(routes, method, path), path


def test_a_method_that_a_path_does_not_have_is_told_as_such(client: TestClient) -> None:
    assert client.request("PUT", "/v2/tasks/").status_code == 405
