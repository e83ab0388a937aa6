"""Users and tokens."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.orm import Session, aliased

from web_helper.backend.models import Member, Token, User
from web_helper.backend.queries.filters import Condition, Listing, common_filters, contains_text, flag, integers


def _shares_project(user_id: int) -> Condition:
    mine, theirs = aliased(Member), aliased(Member)
    others = select(theirs.user_id).join(mine, mine.project_id == theirs.project_id).where(mine.user_id == user_id)
    return or_(User.id == user_id, User.id.in_(others))


USERS = Listing(
    noun="users",
    entity=User,
    keys=(User.id,),
    filters={
        **common_filters(User.id, contains_text(User.name, User.email), searched="the name or the e-mail address"),
        "is_active": flag(User.is_active, "Whether the user may sign in."),
    },
    visible_to=_shares_project,
)
TOKENS = Listing(
    noun="tokens",
    entity=Token,
    keys=(Token.id,),
    filters={
        **common_filters(Token.id, contains_text(Token.name), searched="the name"),
        "user": integers(Token.user_id, "Tokens of these users."),
    },
    visible_to=lambda user_id: Token.user_id == user_id,
)


class KeyRow(NamedTuple):
    """A key, with what of its token and of its owner decides whether it opens anything."""

    token_id: int
    user_id: int
    email: str
    is_admin: bool
    is_active: bool
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    job_id: str | None
    device_id: int | None
    session_of: int | None
    last_used_at: datetime | None


# Every request asks this: columns, not entities, and built once, for building a statement costs more than asking it.
_KEY = (
    select(
        Token.id,
        User.id,
        User.email,
        User.is_admin,
        User.is_active,
        Token.scopes,
        Token.expires_at,
        Token.revoked_at,
        Token.job_id,
        Token.device_id,
        Token.session_of,
        Token.last_used_at,
    )
    .join(User, User.id == Token.user_id)
    .where(Token.key_hash == bindparam("key_hash"))
)


def key_of_hash(session: Session, key_hash: str) -> KeyRow | None:
    """A key and its owner (index: unique key_hash)."""
    row = session.connection().execute(_KEY, {"key_hash": key_hash}).one_or_none()
    return None if row is None else KeyRow._make(row)


def token_of_hash(session: Session, key_hash: str) -> Token | None:
    """A token (index: unique key_hash)."""
    return session.scalar(select(Token).where(Token.key_hash == key_hash))


def end_sessions_of(session: Session, token_id: int, at: datetime) -> None:
    """Revoke the sessions that were opened with a token (index: session_of)."""
    session.execute(update(Token).where(Token.session_of == token_id, Token.revoked_at.is_(None)).values(revoked_at=at))


def forget_ended_sessions(session: Session, user_id: int, at: datetime) -> None:
    """Delete a user's sessions that open nothing any more (index: user_id)."""
    is_over = or_(Token.revoked_at.is_not(None), Token.expires_at <= at)
    session.execute(delete(Token).where(Token.user_id == user_id, Token.session_of.is_not(None), is_over))


def user_of_email(session: Session, email: str) -> User | None:
    """A user by e-mail address (unique)."""
    return session.scalar(select(User).where(User.email == email))


def first_admin(session: Session) -> User | None:
    """The administrator that was made first."""
    return session.scalar(select(User).where(User.is_admin, User.is_active).order_by(User.id).limit(1))
