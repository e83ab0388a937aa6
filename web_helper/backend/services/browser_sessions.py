"""Sessions of browsers: a token of its own each, which ends with the token that it was opened with.

What a session may do, how it ends and what streams make of that is thereby the same as for any token.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from synapse_sdk.wire.errors import FieldError
from web_helper.backend.core.problems import AuthenticationProblem
from web_helper.backend.models import Token
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.work import accounts
from web_helper.backend.services.authentication import add_token, authenticate, hash_key

SESSION_NAME = "browser session"


@dataclass(frozen=True)
class OpenSession:
    """What the cookie holds, and for how long."""

    key: str
    seconds: int


def check_key(session: Session, key: str) -> int:
    """The id of the token whose key opens a session.

    Raises:
        AuthenticationProblem: The key opens nothing, or is not a person's.
    """
    try:
        known = authenticate(session, key.strip())[1]
    except AuthenticationProblem as exc:
        raise AuthenticationProblem(exc.message, [FieldError(field="key", message=exc.message)]) from exc
    if known.device_id is not None or known.job_id is not None or known.session_of is not None:
        message = "This key is for a program; log in with an access token of your own."
        raise AuthenticationProblem(message, [FieldError(field="key", message=message)])
    return known.token_id


def open_session(session: Session, token_id: int, seconds: int) -> OpenSession:
    """A session that lasts as long as it may, and no longer than the token it is opened with."""
    parent = session.get_one(Token, token_id)
    accounts.forget_ended_sessions(session, parent.user_id, utc_now())
    expires_at = utc_now() + timedelta(seconds=seconds)
    if parent.expires_at is not None:
        expires_at = min(expires_at, parent.expires_at)
    token, key = add_token(session, parent.user_id, SESSION_NAME, list(parent.scopes))
    token.session_of, token.expires_at = parent.id, expires_at
    return OpenSession(key, max(0, int((expires_at - utc_now()).total_seconds())))


def close_session(session: Session, key: str) -> None:
    """End a session, if there is one; tokens that are no sessions stay."""
    token = accounts.token_of_hash(session, hash_key(key))
    if token is not None and token.session_of is not None:
        session.delete(token)
