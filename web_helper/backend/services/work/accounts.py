"""Users and tokens."""

from __future__ import annotations

from dataclasses import dataclass

from synapse_sdk.wire.accounts import TokenCreate, UserChange, UserCreate
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, PermissionProblem, ValidationProblem
from web_helper.backend.models import Token, User
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.work import accounts
from web_helper.backend.services.access import has_scope, require_admin
from web_helper.backend.services.authentication import add_token
from web_helper.backend.services.call import Call
from web_helper.backend.services.lists import read_row


@dataclass(frozen=True)
class NewToken:
    """A token that was made just now; its key is kept nowhere."""

    token: Token
    key: str


def read_me(call: Call) -> User:
    """The owner of the key that came with the request."""
    return call.session.get_one(User, call.actor.user_id)


def create_user(call: Call, body: UserCreate) -> User:
    """Add a person; only administrators may."""
    require_admin(call.actor)
    _refuse_taken_email(call, body.email)
    user = User(email=body.email, name=body.name, is_admin=body.is_admin)
    call.session.add(user)
    call.session.flush()
    return user


def change_user(call: Call, user_id: int, body: UserChange) -> User:
    """Change what was sent of a user: one's own name, or anything as an administrator."""
    user: User = read_row(call, accounts.USERS, user_id)
    is_own_name = user.id == call.actor.user_id and body.model_fields_set <= {"name"}
    if not is_own_name:
        require_admin(call.actor)
    if body.email is not None and body.email != user.email:
        _refuse_taken_email(call, body.email)
        user.email = body.email
    if body.name is not None:
        user.name = body.name
    _change_standing(call, user, body)
    call.session.flush()
    return user


def create_token(call: Call, body: TokenCreate) -> NewToken:
    """Make a key for oneself, or as an administrator for someone else."""
    user_id = call.actor.user_id if body.user is None else body.user
    if user_id != call.actor.user_id:
        require_admin(call.actor)
        if call.session.get(User, user_id) is None:
            raise ValidationProblem.of_field("user", f"there is no user {user_id}.")
    for scope in body.scopes:
        if not has_scope(call.actor, scope):
            raise PermissionProblem(f"Your own token lacks the scope {scope.value!r}; it cannot give it to another.")
    if body.expires_at is not None and body.expires_at <= utc_now():
        raise ValidationProblem.of_field("expires_at", "lies in the past.")
    scopes = [scope.value for scope in dict.fromkeys(body.scopes)]
    token, key = add_token(call.session, user_id, body.name, scopes)
    token.expires_at = body.expires_at
    call.session.flush()
    return NewToken(token, key)


def revoke_token(call: Call, token_id: int) -> None:
    """Make a key and its browsers' sessions useless from now on; the rows stay, so that what they did can be told."""
    token: Token = read_row(call, accounts.TOKENS, token_id)
    if token.user_id != call.actor.user_id:
        require_admin(call.actor)
    if token.revoked_at is None:
        token.revoked_at = utc_now()
        accounts.end_sessions_of(call.session, token.id, token.revoked_at)


def _change_standing(call: Call, user: User, body: UserChange) -> None:
    is_self = user.id == call.actor.user_id
    if is_self and (body.is_admin is False or body.is_active is False):
        raise ConflictProblem("Nobody takes away their own rights; another administrator can.")
    if body.is_admin is not None:
        user.is_admin = body.is_admin
    if body.is_active is not None:
        user.is_active = body.is_active


def _refuse_taken_email(call: Call, email: str) -> None:
    if accounts.user_of_email(call.session, email) is not None:
        raise ConflictProblem(f"There is a user with the address {email!r} already.")


def find_user(call: Call, user_id: int | None, email: str | None) -> User:
    """A user named by id or by e-mail address."""
    if (user_id is None) == (email is None):
        raise ValidationProblem.of_field("user", "name the user by `user` (id) or by `email`, one of the two.")
    user = accounts.user_of_email(call.session, email) if email else call.session.get(User, user_id)
    if user is None:
        raise NotFoundProblem.of("user", email or user_id or 0)
    return user
