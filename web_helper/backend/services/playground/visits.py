"""Visits of playground apps: who may, and by which address. Pure, but for the look at the login.

An app is a stranger's program that answers under this server's own address. Its pages are therefore kept in a sandbox
without an origin: the browser sends them no cookie of the platform and lets them read nothing of it. They cannot show a
login either, so the address itself carries a ticket, which opens this one app and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from synapse_sdk.utils import forwarding
from web_helper.backend.core.problems import AuthenticationProblem
from web_helper.backend.core.signing import Login, UrlSigner
from web_helper.backend.models import Token
from web_helper.backend.services.authentication import is_still_valid
from web_helper.backend.services.call import Actor

# A working day; a login that ends before ends the visit with it.
TICKET_SECONDS = 12 * 3600
POLICY = (
    "sandbox allow-scripts allow-forms allow-downloads allow-modals allow-popups; frame-ancestors 'self'; "
    "base-uri 'self'"
)
Headers = list[tuple[bytes, bytes]]
# What would tell an app who visits it, or change what it thinks of the request.
KEPT_BACK = frozenset(
    forwarding.KEYS
    | {b"synapse-agent", b"origin", b"referer"}
    | {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-prefix"}
    | {b"x-forwarded-port", b"x-real-ip", b"x-gradio-server", b"x-request-id"}
)
# What an app may not say in the platform's name: about cookies, other pages, the whole site, or a login.
_NOT_ANSWERED = frozenset(
    {b"set-cookie", b"set-cookie2", b"clear-site-data", b"service-worker-allowed", b"strict-transport-security"}
    | {b"public-key-pins", b"alt-svc", b"nel", b"report-to", b"reporting-endpoints", b"x-frame-options"}
    | {b"www-authenticate", b"referrer-policy", b"server", b"date", b"x-request-id"}
)
_NOT_ANSWERED_KINDS = (b"access-control-", b"cross-origin-")


@dataclass(frozen=True)
class Door:
    """By which address an app is visited.

    Attributes:
        base_url: Of this server, as the visitor called it.
        prefix: The app's root below it, without a slash at its end.
        has_ticket: Whether the prefix carries one: then pages without an origin may read the answers.
    """

    base_url: str
    prefix: str
    has_ticket: bool

    @property
    def root(self) -> str:
        """The app's root as a URL."""
        return self.base_url + self.prefix


def sign_ticket(session: Session, signer: UrlSigner, container_id: str, actor: Actor) -> str:
    """A ticket of an app for a visitor."""
    login = _login_of(session.get_one(Token, actor.token_id))
    return signer.sign_ticket(container_id, login, seconds=TICKET_SECONDS)


def check_login(session: Session, login: Login) -> Actor:
    """The visitor of a ticket, unless he has logged out meanwhile or may not come any more.

    Raises:
        AuthenticationProblem: The login is over.
    """
    token = session.get(Token, login.token_id)
    actor = None if token is None or _login_of(token) != login else _actor_of(token)
    if actor is None or not is_still_valid(session, actor):
        raise AuthenticationProblem("The login that this address was opened with is over; open the app again.")
    return actor


def _login_of(token: Token) -> Login:
    return Login(token.id, round(token.created.timestamp() * 1_000_000))


def _actor_of(token: Token) -> Actor:
    return Actor(token.user_id, "", is_admin=False, scopes=frozenset(token.scopes), token_id=token.id)


def forwarded_headers(door: Door) -> dict[str, str]:
    """How an app learns where it is: Gradio reads its own header, others the usual ones."""
    return {
        "X-Forwarded-Prefix": door.prefix,
        "X-Forwarded-Proto": door.base_url.partition(":")[0],
        "X-Gradio-Server": door.root,
    }


def answered_headers(door: Door, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """What of an app's answer the visitor's browser is told, and what it is told beside."""
    kept = [
        (name, _located(door, value) if name == b"location" else value)
        for name, value in headers
        if name not in _NOT_ANSWERED and not name.startswith(_NOT_ANSWERED_KINDS)
    ]
    # A second policy of the app's own can only forbid more.
    kept += [(b"content-security-policy", POLICY.encode()), (b"referrer-policy", b"no-referrer")]
    return kept + (shared_headers() if door.has_ticket else [])


def shared_headers() -> Headers:
    """That pages without an origin, as the app's own are, may read the answers; without the ticket nobody gets any."""
    return [
        (b"access-control-allow-origin", b"null"),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    ]


def _located(door: Door, value: bytes) -> bytes:
    """Where an app sends its visitor: below its root, if it means itself."""
    place = value.decode("latin-1")
    path = place.removeprefix(door.base_url) if place.startswith(f"{door.base_url}/") else place
    if not path.startswith("/") or path.startswith(("//", f"{door.prefix}/")) or path == door.prefix:
        return value
    return f"{door.prefix}{path}".encode("latin-1")
