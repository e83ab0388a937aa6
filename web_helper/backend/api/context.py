"""From a request to a `Call`: its key, its owner, its transaction.

A call ends with its handler, before the answer leaves: what a client is told is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader

from synapse_sdk.wire.accounts import Scope
from web_helper.backend.api.one_thread import PendingCall
from web_helper.backend.api.web.browser import key_of_session, session_cookie
from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.core.signing import UrlSigner
from web_helper.backend.services.authentication import identify
from web_helper.backend.services.call import Actor, Call

_authorization = APIKeyHeader(
    name="Authorization",
    scheme_name="Authorization",
    auto_error=False,
    description="`Token <key>` or `Bearer <key>`.",
)
_synapse_token = APIKeyHeader(name="SYNAPSE-ACCESS-TOKEN", scheme_name="SynapseAccessToken", auto_error=False)
_api_key = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", auto_error=False)
# As the schema names them, for a handler that does not depend on `Key`.
SECURITY: list[dict[str, list[str]]] = [
    {scheme.scheme_name: []} for scheme in (_authorization, _synapse_token, _api_key, session_cookie)
]


def key_of(request: Request) -> str | None:
    """The access key of a request, from any of the headers that clients use, or from a browser's session."""
    for scheme in (_synapse_token, _authorization, _api_key):
        if header := request.headers.get(scheme.model.name):
            return header.strip().split(" ")[-1]
    return key_of_session(request)


async def read_key(
    request: Request,
    _authorized: Annotated[str | None, Depends(_authorization)],
    _token: Annotated[str | None, Depends(_synapse_token)],
    _key: Annotated[str | None, Depends(_api_key)],
    *,
    _cookie: Annotated[str | None, Depends(session_cookie)],
) -> str | None:
    """`key_of`, with what the schema tells of it."""
    return key_of(request)


Key = Annotated[str | None, Depends(read_key)]


def database_of(request: Request) -> Database:
    """The process's database."""
    database: Database = request.app.state.database
    return database


def settings_of(request: Request) -> Settings:
    """The process's settings."""
    settings: Settings = request.app.state.settings
    return settings


async def signer_of(request: Request) -> UrlSigner:
    """The process's signer of links."""
    signer: UrlSigner = request.app.state.signer
    return signer


Signer = Annotated[UrlSigner, Depends(signer_of)]


def _actor_of(request: Request, key: str | None, scope: Scope, *, or_worker: bool = False) -> Actor:
    database = database_of(request)
    with database.read() as session:
        return identify(database, session, key, scope, or_worker=or_worker)


def _call_of(request: Request, session: Any, actor: Actor) -> Call:
    return Call(session, actor, request.state.request_id, settings_of(request), request.app.state.signer)


@contextmanager
def read_call(request: Request, key: str | None, *, or_worker: bool = False) -> Iterator[Call]:
    """A call that only reads; with `or_worker`, what workers may read."""
    database = database_of(request)
    with database.read() as session:
        yield _call_of(request, session, identify(database, session, key, Scope.READ, or_worker=or_worker))


@contextmanager
def _snapshot_call(request: Request, key: str | None, *, or_worker: bool = False) -> Iterator[Call]:
    """The same, and all that it reads is one moment's state, in however many statements."""
    database = database_of(request)
    with database.snapshot() as session:
        yield _call_of(request, session, identify(database, session, key, Scope.READ, or_worker=or_worker))


@contextmanager
def _write_call(request: Request, key: str | None, *, or_worker: bool = False) -> Iterator[Call]:
    """A call that changes something: one transaction, which a key that may not opens for nobody to wait for."""
    actor = _actor_of(request, key, Scope.WRITE, or_worker=or_worker)
    with database_of(request).write() as session:
        yield _call_of(request, session, actor)


def _pending(begin: Callable[..., AbstractContextManager[Call]], scope: Scope, *, or_worker: bool = False) -> Any:
    async def wait(request: Request, key: Key) -> PendingCall:
        pending = PendingCall(
            partial(begin, request, key, or_worker=or_worker),
            partial(_actor_of, request, key, scope, or_worker=or_worker),
        )
        request.state.pending_call = pending
        return pending

    return Depends(wait)


def reading_actor(request: Request, key: Key) -> Actor:
    """Who reads, for handlers that stream and must not hold a transaction meanwhile."""
    return _actor_of(request, key, Scope.READ)


def writing_actor(request: Request, key: Key) -> Actor:
    """Who writes, for handlers that take in bytes and open a transaction afterwards."""
    return _actor_of(request, key, Scope.WRITE)


@contextmanager
def begin_call(request: Request, actor: Actor, transaction: AbstractContextManager[Any]) -> Iterator[Call]:
    """A call of a known actor, for handlers that open their own short transactions."""
    with transaction as session:
        yield _call_of(request, session, actor)


ReadingActor = Annotated[Actor, Depends(reading_actor)]
WritingActor = Annotated[Actor, Depends(writing_actor)]
# For handlers that are ordinary functions: they get a `Call`, which begins where they do (`api.one_thread`).
Reading = Annotated[Call, _pending(read_call, Scope.READ)]
Writing = Annotated[Call, _pending(_write_call, Scope.WRITE)]
# With the key of a worker too, which has no scopes; what changes something decides in its service.
SharedReading = Annotated[Call, _pending(read_call, Scope.READ, or_worker=True)]
SharedSnapshot = Annotated[Call, _pending(_snapshot_call, Scope.READ, or_worker=True)]
SharedWriting = Annotated[Call, _pending(_write_call, Scope.WRITE, or_worker=True)]
