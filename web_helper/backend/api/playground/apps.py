"""The apps of the playground under this server's own address: `/playground/{id}/`.

Programs come with an access token in a header. A browser comes with its login, and is sent on to an address that has a
ticket; from there on neither the login nor anything else of the platform goes along (`services.playground.visits`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Request, WebSocket
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from synapse_sdk.utils import forwarding
from synapse_sdk.wire.accounts import Scope
from web_helper.backend.api.context import Key, Signer, database_of, reading_actor
from web_helper.backend.api.playground.reaching import AgentAnswer, Ref, find_ref, keeps_allowed
from web_helper.backend.core.problems import AuthenticationProblem, ConflictProblem, NotFoundProblem, Problem
from web_helper.backend.core.signing import LinkExpiredError, LinkInvalidError, UrlSigner
from web_helper.backend.services.access import require_scope
from web_helper.backend.services.authentication import authenticate
from web_helper.backend.services.call import Actor
from web_helper.backend.services.playground.visits import (
    KEPT_BACK,
    Door,
    answered_headers,
    check_login,
    forwarded_headers,
    shared_headers,
    sign_ticket,
)

router = APIRouter(include_in_schema=False)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_KEY_HEADERS = ("authorization", "synapse-access-token", "x-api-key")
_OWN_HANDSHAKE = frozenset({b"host", b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions"})
# The codes of a WebSocket that is not for this visitor, and of one whose app does not answer.
REFUSED, AWAY = 1008, 1013


def visitor_of(request: Request, key: Key) -> Actor | None:
    """Who comes; None for a browser that is not logged in, which is asked to."""
    try:
        return reading_actor(request, key)
    except AuthenticationProblem:
        if _wants_page(request):
            return None
        raise


@router.api_route("/playground/{container_id}", methods=["GET", "HEAD"])
def add_slash(request: Request) -> Response:
    """Pages of an app name what they need relative to its root."""
    return RedirectResponse(_with_query(request, f"{request.url.path}/"), 308)


@router.api_route("/playground/{container_id}/~{ticket}/{path:path}", methods=METHODS, response_model=None)
def visit(request: Request, signer: Signer, container_id: str, ticket: str, path: str) -> Response:
    """A request to an app by an address with a ticket."""
    try:
        actor = _read_ticket(request, signer, container_id, ticket)
    except (LinkExpiredError, AuthenticationProblem):
        if _wants_page(request):
            return RedirectResponse(_with_query(request, f"/playground/{container_id}/{quote(path)}"), 303)
        raise
    if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
        return _allow(request)
    door = Door(base_url_of(request), f"/playground/{container_id}/~{ticket}", has_ticket=True)
    return _pass_on(request, find_ref(database_of(request), container_id, "playground container"), door, actor)


@router.api_route("/playground/{container_id}/{path:path}", methods=METHODS, response_model=None)
def enter(
    request: Request, signer: Signer, actor: Annotated[Actor | None, Depends(visitor_of)], container_id: str, path: str
) -> Response:
    """A request to an app by its plain address: a program's is passed on, a browser gets an address of its own."""
    if actor is None:
        place = _with_query(request, f"/playground/{container_id}/{quote(path)}")
        return RedirectResponse(f"/login?next={quote(place, safe='')}", 303)
    ref = find_ref(database_of(request), container_id, "playground container")
    if any(name in request.headers for name in _KEY_HEADERS):
        return _pass_on(
            request, ref, Door(base_url_of(request), f"/playground/{container_id}", has_ticket=False), actor
        )
    if request.method not in {"GET", "HEAD"}:
        raise ConflictProblem("A browser opens the app's page first: its address there takes requests like this.")
    with database_of(request).read() as session:
        ticket = sign_ticket(session, signer, container_id, actor)
    place = _with_query(request, f"/playground/{container_id}/~{ticket}/{quote(path)}")
    return RedirectResponse(place, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


@router.websocket("/playground/{container_id}/~{ticket}/{path:path}")
async def visit_socket(socket: WebSocket, container_id: str, ticket: str) -> None:
    """A WebSocket of an app's page."""
    door = Door(base_url_of(socket), f"/playground/{container_id}/~{ticket}", has_ticket=True)
    read = partial(_read_ticket, socket, socket.app.state.signer, container_id, ticket)
    await _pass_socket_on(socket, container_id, door, read)


@router.websocket("/playground/{container_id}/{path:path}")
async def enter_socket(socket: WebSocket, container_id: str) -> None:
    """A WebSocket of a program, which has an access token; a browser's login opens none here."""
    door = Door(base_url_of(socket), f"/playground/{container_id}", has_ticket=False)
    await _pass_socket_on(socket, container_id, door, partial(_read_headers, socket))


async def _pass_socket_on(socket: WebSocket, container_id: str, door: Door, read_actor: Callable[[], Actor]) -> None:
    try:
        actor = await asyncio.to_thread(read_actor)
        ref = await asyncio.to_thread(find_ref, socket.app.state.database, container_id, "playground container")
        target = _target(socket, ref, door, actor)
        await forwarding.forward_websocket(target, socket.scope["subprotocols"], socket.receive, socket.send)
    except (Problem, LinkExpiredError, LinkInvalidError):
        await socket.close(REFUSED)
    except forwarding.TargetAwayError:
        await socket.close(AWAY)


def base_url_of(connection: HTTPConnection) -> str:
    """This server as the visitor called it; a proxy before it may speak HTTPS where this server does not."""
    host = connection.headers.get("host", "")
    own = urlsplit(connection.app.state.settings.base_url)
    scheme = connection.url.scheme.replace("ws", "http", 1)
    return f"{own.scheme if own.netloc == host else scheme}://{host}"


def _read_ticket(connection: HTTPConnection, signer: UrlSigner, container_id: str, ticket: str) -> Actor:
    opens, login = signer.read_ticket(ticket)
    if opens != container_id:
        raise NotFoundProblem.of("playground container", container_id)
    with connection.app.state.database.read() as session:
        return check_login(session, login)


def _read_headers(socket: WebSocket) -> Actor:
    given = next((socket.headers[name] for name in _KEY_HEADERS if name in socket.headers), "")
    with socket.app.state.database.read() as session:
        actor = authenticate(session, given.strip().split(" ")[-1])[0]
    require_scope(actor, Scope.READ)
    return actor


def _pass_on(request: Request, ref: Ref, door: Door, actor: Actor) -> Response:
    target = _target(request, ref, door, actor)
    return AgentAnswer(request, ref.host, target, lambda _status, headers: answered_headers(door, headers))


def _target(connection: HTTPConnection, ref: Ref, door: Door, actor: Actor) -> forwarding.Target:
    given = connection.scope["headers"]
    without = KEPT_BACK if connection.scope["type"] == "http" else KEPT_BACK | _OWN_HANDSHAKE
    own = {**forwarded_headers(door), "Authorization": f"Token {ref.host.key}"}
    url = f"{ref.host.url}/containers/{quote(ref.own, safe='')}/app{_path_below(connection, door)}"
    return forwarding.Target(
        url if connection.scope["type"] == "http" else url.replace("http", "ws", 1),
        connection.scope.get("method", "GET"),
        forwarding.pass_headers(given, without=without, more=own),
        has_body=forwarding.has_body(given),
        is_allowed=keeps_allowed(connection.app.state.database, actor),
    )


def _path_below(connection: HTTPConnection, door: Door) -> str:
    """The app's own part of the path, as the visitor wrote it, with the query."""
    parts = connection.scope["raw_path"].decode("latin-1").split("/", 4 if door.has_ticket else 3)
    path = f"/{parts[-1]}"
    query = connection.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _allow(request: Request) -> Response:
    """What a page without an origin may send: all that an app of its own origin could."""
    answer = Response(status_code=204, headers={"Access-Control-Allow-Methods": ", ".join(METHODS)})
    for name, value in shared_headers():
        answer.headers[name.decode()] = value.decode()
    answer.headers["Access-Control-Allow-Headers"] = request.headers.get("access-control-request-headers", "")
    answer.headers["Access-Control-Max-Age"] = "600"
    return answer


def _wants_page(request: Request) -> bool:
    return request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", "")


def _with_query(request: Request, path: str) -> str:
    return f"{path}?{request.url.query}" if request.url.query else path
