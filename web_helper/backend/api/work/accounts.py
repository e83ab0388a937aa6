"""Users, tokens and members."""

from __future__ import annotations

from typing import Any

from synapse_sdk.wire.accounts import (
    Member,
    MemberChange,
    MemberCreate,
    Token,
    TokenCreate,
    TokenCreated,
    User,
    UserChange,
    UserCreate,
)
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import Reading, Writing
from web_helper.backend.api.resource import Resource, create_router, envelope
from web_helper.backend.queries.work.accounts import TOKENS, USERS
from web_helper.backend.queries.work.projects import MEMBERS
from web_helper.backend.services.call import Call
from web_helper.backend.services.work import accounts as service
from web_helper.backend.services.work import members as member_service

router = create_router("users")


@router.get("/users/me/", response_model=User)
def read_me_v1(call: Reading) -> object:
    """The owner of the token that came with the request."""
    return service.read_me(call)


@router.get("/v2/users/me/", response_model=Envelope[User])
def read_me_v2(call: Reading) -> object:
    """The owner of the token that came with the request."""
    return envelope(call, service.read_me(call))


_users = Resource("users", USERS, User)
_users.listed()
_users.created(service.create_user, UserCreate)
_users.read()
_users.changed(service.change_user, UserChange)
router.routes.extend(_users.router.routes)

_tokens = Resource("tokens", TOKENS, Token)
_tokens.listed()
_tokens.read()
_tokens.deleted(service.revoke_token)
router.routes.extend(_tokens.router.routes)

_members = Resource("members", MEMBERS, Member)
_members.listed()
_members.created(member_service.add_member, MemberCreate)
_members.read()
_members.changed(member_service.change_member, MemberChange)
_members.deleted(member_service.remove_member)
router.routes.extend(_members.router.routes)


def _create_token(call: Call, body: TokenCreate) -> dict[str, Any]:
    made = service.create_token(call, body)
    return {**{name: getattr(made.token, name) for name in Token.model_fields}, "key": made.key}


@router.post("/tokens/", status_code=201, response_model=TokenCreated)
def create_token_v1(call: Writing, body: TokenCreate) -> object:
    """Make a token; this answer alone holds its key."""
    return _create_token(call, body)


@router.post("/v2/tokens/", status_code=201, response_model=Envelope[TokenCreated])
def create_token_v2(call: Writing, body: TokenCreate) -> object:
    """Make a token; this answer alone holds its key."""
    return envelope(call, _create_token(call, body))
