"""From a request to a `Call`: its key, its owner, its transaction.

The dependencies end with the handler, before the answer leaves: what a client is told is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader

from synapse_sdk.wire.accounts import Scope
from web_helper.backend.api.web.browser import key_of_session, session_cookie
from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.core.signing import UrlSigner
from web_helper.backend.services.access import require_scope
from web_helper.backend.services.authentication import authenticate, is_use_stale, note_use
from web_helper.backend.services.call import Actor, Call

_authorization = APIKeyHeader(
    name="Authorization",
    scheme_name="Authorization",
    auto_error=False,
    description="`Token <key>` or `Bearer <key>`.",
)
_synapse_token = APIKeyHeader(name="SYNAPSE-ACCESS-TOKEN", scheme_name="SynapseAccessToken", auto_error=False)
_api_key = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", auto_error=False)


async def read_key(
    request: Request,
    authorization: Annotated[str | None, Depends(_authorization)],
    synapse_token: Annotated[str | None, Depends(_synapse_token)],
    api_key: Annotated[str | None, Depends(_api_key)],
    *,
    _cookie: Annotated[str | None, Depends(session_cookie)],
) -> str | None:
    """The access key of a request, from any of the headers that clients use, or from a browser's session."""
    for header in (synapse_token, authorization, api_key):
        if header:
            return header.strip().split(" ")[-1]
    return key_of_session(request)


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


def _identify(request: Request, key: str | None, scope: Scope, *, or_worker: bool = False) -> Actor:
    database = database_of(request)
    with database.read() as session:
        actor, token = authenticate(session, key)
    if not (or_worker and actor.device_id is not None):
        require_scope(actor, scope)
    if is_use_stale(token):
        with database.write() as session:
            note_use(session, actor.token_id)
    return actor


def read_call(request: Request, key: Key) -> Iterator[Call]:
    """A call that only reads."""
    actor = _identify(request, key, Scope.READ)
    with database_of(request).read() as session:
        yield Call(session, actor, request.state.request_id, settings_of(request), request.app.state.signer)


def write_call(request: Request, key: Key) -> Iterator[Call]:
    """A call that changes something: one transaction, committed when the handler is done."""
    actor = _identify(request, key, Scope.WRITE)
    with database_of(request).write() as session:
        yield Call(session, actor, request.state.request_id, settings_of(request), request.app.state.signer)


def read_call_of_worker_too(request: Request, key: Key) -> Iterator[Call]:
    """A call that only reads, and what workers may read."""
    actor = _identify(request, key, Scope.READ, or_worker=True)
    with database_of(request).read() as session:
        yield Call(session, actor, request.state.request_id, settings_of(request), request.app.state.signer)


def write_call_of_worker_too(request: Request, key: Key) -> Iterator[Call]:
    """A call that changes something; a worker's key gets here too, and its service decides."""
    actor = _identify(request, key, Scope.WRITE, or_worker=True)
    with database_of(request).write() as session:
        yield Call(session, actor, request.state.request_id, settings_of(request), request.app.state.signer)


def reading_actor(request: Request, key: Key) -> Actor:
    """Who reads, for handlers that stream and must not hold a transaction meanwhile."""
    return _identify(request, key, Scope.READ)


def writing_actor(request: Request, key: Key) -> Actor:
    """Who writes, for handlers that take in bytes and open a transaction afterwards."""
    return _identify(request, key, Scope.WRITE)


@contextmanager
def begin_call(request: Request, actor: Actor, transaction: AbstractContextManager[Any]) -> Iterator[Call]:
    """A call of a known actor, for handlers that open their own short transactions."""
    with transaction as session:
        yield Call(session, actor, request.state.request_id, settings_of(request), request.app.state.signer)


ReadingActor = Annotated[Actor, Depends(reading_actor)]
WritingActor = Annotated[Actor, Depends(writing_actor)]
Reading = Annotated[Call, Depends(read_call, scope="function")]
Writing = Annotated[Call, Depends(write_call, scope="function")]
# With the key of a worker too, which has no scopes.
SharedReading = Annotated[Call, Depends(read_call_of_worker_too, scope="function")]
SharedWriting = Annotated[Call, Depends(write_call_of_worker_too, scope="function")]
