"""Users, their tokens, and their roles in projects."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from synapse_sdk.wire.work import Name, Request

# What every key of the platform begins with, and the cookie in which a browser keeps its session's.
KEY_PREFIX = "syn_"
SESSION_COOKIE = "synapse_session"
# Who exactly may have an address is the mail server's business; this keeps out what cannot be one.
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")
]


class Scope(StrEnum):
    """What a key may do; each includes the ones before it.

    `admin` is for managing users, tokens of others, members and secrets of storages.
    """

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Role(StrEnum):
    """Roles in a project, each allowed everything the one before it is."""

    VIEWER = "viewer"
    ANNOTATOR = "annotator"
    MANAGER = "manager"
    ADMIN = "admin"


class User(BaseModel):
    """A person. An administrator may do everything everywhere."""

    id: int
    email: str
    name: str
    is_admin: bool
    is_active: bool
    created: datetime


class UserCreate(Request):
    """Body of `POST /v2/users/`."""

    email: Email
    name: str = Field("", max_length=200)
    is_admin: bool = False


class UserChange(Request):
    """Body of `PATCH /v2/users/{id}/`. Users change their own name; the rest is for administrators."""

    email: Email | None = None
    name: str | None = Field(None, max_length=200)
    is_admin: bool | None = None
    is_active: bool | None = None


class Token(BaseModel):
    """A key that acts for a user, without the key: `prefix` is its beginning.

    A browser's session is one too: `session_of` is the token that it was opened with, and ends with.
    """

    id: int
    user_id: int
    name: str
    prefix: str
    scopes: list[Scope]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    session_of: int | None = None
    created: datetime


class SessionCreate(Request):
    """Body of `POST /v2/session/`: an access token, which the browser then forgets."""

    key: str = Field(min_length=1, max_length=500)


class TokenCreated(Token):
    """The answer to making a token: the only one that holds the key."""

    key: str


class TokenCreate(Request):
    """Body of `POST /v2/tokens/`. `user` is for administrators; no token gives more than its maker's."""

    name: Name
    scopes: list[Scope] = Field([Scope.READ, Scope.WRITE], min_length=1)
    expires_at: AwareDatetime | None = None
    user: int | None = None


class Member(BaseModel):
    """A user's role in a project."""

    id: int
    project_id: int
    user_id: int
    role: Role
    created: datetime


class MemberCreate(Request):
    """Body of `POST /v2/members/`: the user by id or by e-mail address."""

    project: int
    user: int | None = None
    email: Email | None = None
    role: Role = Role.ANNOTATOR


class MemberChange(Request):
    """Body of `PATCH /v2/members/{id}/`."""

    role: Role
