"""Users and tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, or_, select, update
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


def token_of_hash(session: Session, key_hash: str) -> tuple[Token, User] | None:
    """A token and its owner (index: unique key_hash)."""
    row = session.execute(select(Token, User).join(User, User.id == Token.user_id).where(Token.key_hash == key_hash))
    found = row.one_or_none()
    return (found[0], found[1]) if found else None


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
