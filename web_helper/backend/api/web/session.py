"""Logging a browser in and out. The browser keeps a cookie that its scripts cannot read, never the key itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Response

from synapse_sdk.wire.accounts import SessionCreate
from web_helper.backend.api.context import database_of, settings_of
from web_helper.backend.api.resource import create_router
from web_helper.backend.api.web.browser import COOKIE, refuse_other_sites, session_cookie
from web_helper.backend.services import browser_sessions as service

router = create_router("session")


@router.post("/v2/session/", status_code=204, operation_id="v2_session_create")
def open_session(request: Request, body: SessionCreate) -> Response:
    """Log a browser in with an access token: the answer sets the cookie `synapse_session`, and has no body."""
    refuse_other_sites(request)
    settings, database = settings_of(request), database_of(request)
    with database.read() as session:
        # Whoever is refused holds up no writer.
        service.check_key(session, body.key)
    with database.write() as session:
        # Again: the token may have gone, and on SQLite its number be that of somebody else's by now.
        opened = service.open_session(session, service.check_key(session, body.key), settings.session_seconds)
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE,
        opened.key,
        max_age=opened.seconds,
        path="/",
        secure=_is_encrypted(request),
        httponly=True,
        samesite="strict",
    )
    return response


@router.delete("/v2/session/", status_code=204, operation_id="v2_session_delete")
def close_session(request: Request, key: Annotated[str | None, Depends(session_cookie)]) -> Response:
    """Log this browser out: its session opens nothing any more. Without one there is nothing to do."""
    refuse_other_sites(request)
    if key:
        with database_of(request).write() as session:
            service.close_session(session, key)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", secure=_is_encrypted(request), httponly=True, samesite="strict")
    return response


def _is_encrypted(request: Request) -> bool:
    """Whether the browser talks HTTPS, to this server or to the proxy before it."""
    return request.url.scheme == "https" or settings_of(request).base_url.startswith("https:")
