"""What a browser sends by itself: its session's cookie, and where a request comes from.

A cookie goes along with every request to this server, whichever page made it. So with the cookie alone nothing is
changed unless the browser says that the page is this server's own: other pages cannot forge what it says.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi.security import APIKeyCookie
from starlette.requests import HTTPConnection

from synapse_sdk.wire.accounts import SESSION_COOKIE
from web_helper.backend.core.problems import PermissionProblem

COOKIE = SESSION_COOKIE
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

session_cookie = APIKeyCookie(
    name=COOKIE,
    scheme_name="Session",
    auto_error=False,
    description="Made by `POST /v2/session/`; to change something it needs `Sec-Fetch-Site: same-origin` or `Origin`.",
)


def is_from_own_page(connection: HTTPConnection) -> bool:
    """Whether the browser says that one of this server's own pages asks.

    `Sec-Fetch-Site` comes over HTTPS and on this machine; elsewhere `Origin` says the same of requests that change.
    """
    site = connection.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin, host = connection.headers.get("Origin"), connection.headers.get("Host")
    return origin is not None and host is not None and urlsplit(origin).netloc.lower() == host.lower()


def key_of_session(connection: HTTPConnection) -> str | None:
    """The key in the cookie of a request or of a WebSocket, which no rule about origins holds back.

    Raises:
        PermissionProblem: It would change something, and comes from another site's page or does not say from where.
    """
    key = connection.cookies.get(COOKIE)
    is_safe = connection.scope["type"] == "http" and connection.scope["method"] in SAFE_METHODS
    if key and not is_safe and not is_from_own_page(connection):
        raise PermissionProblem(
            "With the browser's session alone only this server's own pages change something; send an access token."
        )
    return key or None


def refuse_other_sites(connection: HTTPConnection) -> None:
    """Let no other site's page begin or end a session; programs, which say nothing of a page, may.

    Raises:
        PermissionProblem: The browser says that another site's page asks.
    """
    names_page = "Sec-Fetch-Site" in connection.headers or "Origin" in connection.headers
    if names_page and not is_from_own_page(connection):
        raise PermissionProblem("Only this server's own pages begin and end a session.")
