"""Whose key this is."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy.orm import Session

from synapse_sdk.wire.accounts import KEY_PREFIX, Scope
from web_helper.backend.core.database import Database
from web_helper.backend.core.problems import AuthenticationProblem
from web_helper.backend.models import Token, User
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.work import accounts
from web_helper.backend.queries.work.accounts import KeyRow
from web_helper.backend.services.access import require_scope
from web_helper.backend.services.call import Actor

KEY_BYTES = 32
# Enough of a key to recognise it in a list, too little to guess it.
SHOWN_KEY_LENGTH = 8
# A key's last use is written at most this often: reading must not turn every request into a write.
LAST_USE_STEP = timedelta(hours=1)


def create_key() -> str:
    """A new secret key: `syn_` and 43 URL-safe characters."""
    return KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)


def hash_key(key: str) -> str:
    """What is kept of a key. It is random enough that a plain hash cannot be searched."""
    return hashlib.sha256(key.encode()).hexdigest()


def authenticate(session: Session, key: str | None) -> tuple[Actor, KeyRow]:
    """The owner of a key.

    Raises:
        AuthenticationProblem: No key, or one that is unknown, expired or revoked, or whose owner was switched off.
    """
    if not key:
        raise AuthenticationProblem("Send an access token: `Authorization: Token syn_…`.")
    found = accounts.key_of_hash(session, hash_key(key))
    if found is None:
        raise AuthenticationProblem("The access token is unknown.")
    if found.revoked_at is not None:
        raise AuthenticationProblem("The access token was revoked; create a new one.")
    if found.expires_at is not None and found.expires_at <= utc_now():
        raise AuthenticationProblem("The access token has expired; create a new one.")
    if not found.is_active:
        raise AuthenticationProblem("The token's owner was deactivated.")
    scopes = frozenset(found.scopes)
    return Actor(found.user_id, found.email, found.is_admin, scopes, found.token_id, found.device_id), found


def identify(database: Database, session: Session, key: str | None, scope: Scope, *, or_worker: bool) -> Actor:
    """The owner of a key that may do this kind of thing; that it was used is written down, in a transaction of its own.

    Args:
        database: Where it is written down.
        session: Reads the key.
        key: As it was sent.
        scope: What it must have.
        or_worker: Whether the key of a worker does, which has no scopes.

    Raises:
        AuthenticationProblem: As `authenticate`.
        PermissionProblem: The key was not made for this.
    """
    actor, known = authenticate(session, key)
    if not (or_worker and actor.device_id is not None):
        require_scope(actor, scope)
    if is_use_stale(known):
        with database.write() as writing:
            note_use(writing, actor.token_id)
    return actor


def is_still_valid(session: Session, actor: Actor) -> bool:
    """Whether a key still opens what it opened, for answers that go on for hours."""
    token = session.get(Token, actor.token_id)
    # Another's token may have got the number of one that was deleted.
    if token is None or token.user_id != actor.user_id or token.revoked_at is not None:
        return False
    user = session.get_one(User, token.user_id)
    return user.is_active and (token.expires_at is None or token.expires_at > utc_now())


def is_use_stale(key: KeyRow) -> bool:
    """Whether the moment of last use is worth writing again."""
    return key.last_used_at is None or utc_now() - key.last_used_at > LAST_USE_STEP


def note_use(session: Session, token_id: int) -> None:
    """Write down that a key was used now."""
    token = session.get(Token, token_id)
    if token is not None:
        token.last_used_at = utc_now()


def add_token(session: Session, user_id: int, name: str, scopes: list[str]) -> tuple[Token, str]:
    """A new token and its key, which is shown this once."""
    key = create_key()
    token = Token(user_id=user_id, name=name, key_hash=hash_key(key), prefix=key[:SHOWN_KEY_LENGTH], scopes=scopes)
    session.add(token)
    session.flush()
    return token, key
