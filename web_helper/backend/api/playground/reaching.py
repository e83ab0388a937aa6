"""From a request to the agent that it is about, and what an agent says as it says it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from synapse_sdk.utils import forwarding
from synapse_sdk.wire.errors import ErrorCode
from web_helper.backend.api.context import database_of, settings_of
from web_helper.backend.api.errors import error_answer
from web_helper.backend.core.database import Database
from web_helper.backend.services.authentication import is_still_valid
from web_helper.backend.services.call import Actor
from web_helper.backend.services.playground.asking import AgentLink, away
from web_helper.backend.services.playground.containers import Playgrounds
from web_helper.backend.services.playground.hosts import Host, all_hosts, find_host, split_id

Shape = Callable[[int, forwarding.Headers], forwarding.Headers]


def link_of(connection: HTTPConnection) -> AgentLink:
    """The process's way to its agents."""
    link: AgentLink = connection.app.state.agent_link
    return link


def playgrounds_of(request: Request) -> Playgrounds:
    """The playground of all agents."""
    return Playgrounds(link_of(request), settings_of(request).base_url)


def hosts_of(request: Request) -> list[Host]:
    """Every agent."""
    with database_of(request).read() as session:
        return all_hosts(session)


@dataclass(frozen=True)
class Ref:
    """A container or a build: the agent that has it, and how that agent calls it."""

    host: Host
    own: str


def container_ref(
    request: Request, container_id: Annotated[str, Path(description="`<agent>-<number>`, from the list.")]
) -> Ref:
    """The container of the path."""
    return find_ref(database_of(request), container_id, "playground container")


def build_ref(request: Request, build_id: Annotated[str, Path(description="From the answer to the wish.")]) -> Ref:
    """The build of the path."""
    return find_ref(database_of(request), build_id, "playground build")


def find_ref(database: Database, text: str, noun: str) -> Ref:
    """What an id of this server stands for.

    Raises:
        NotFoundProblem: It is no such id, or there is no such agent.
    """
    agent_id, own = split_id(text, noun)
    with database.read() as session:
        return Ref(find_host(session, agent_id), own)


Playground = Annotated[Playgrounds, Depends(playgrounds_of)]
Hosts = Annotated[list[Host], Depends(hosts_of)]
OneContainer = Annotated[Ref, Depends(container_ref)]
OneBuild = Annotated[Ref, Depends(build_ref)]


def keeps_allowed(database: Database, actor: Actor) -> Callable[[], Awaitable[bool]]:
    """Whether the key that opened a connection is still good, asked while it lasts."""

    def look() -> bool:
        with database.read() as session:
            return is_still_valid(session, actor)

    return lambda: asyncio.to_thread(look)


class AgentAnswer(Response):
    """What an agent answers, passed on as it comes."""

    def __init__(
        self, request: Request, host: Host, target: forwarding.Target, shape: Shape = lambda _status, headers: headers
    ) -> None:
        super().__init__()
        self._request, self._host, self._target, self._shape = request, host, target, shape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = link_of(self._request).client
        try:
            await forwarding.forward_http(client, self._target, receive, send, shape=self._shape)
        except forwarding.TargetAwayError as exc:
            message = away(self._host, type(exc.__cause__).__name__).message
            answer = error_answer(self._request.state.request_id, ErrorCode.CONFLICT, message, status=502)
            await answer(scope, receive, send)


def stream_of_agent(request: Request, actor: Actor, host: Host, path: str) -> Response:
    """An agent's stream of events, gone on with behind the event that the caller has seen last."""
    seen = request.headers.get("last-event-id")
    headers = {"Authorization": f"Token {host.key}"} | ({"Last-Event-ID": seen} if seen else {})
    target = forwarding.Target(
        f"{host.url}/{path}",
        headers=forwarding.pass_headers([], without=frozenset(), more=headers),
        is_allowed=keeps_allowed(database_of(request), actor),
    )
    return AgentAnswer(request, host, target, lambda _status, kept: [*kept, (b"cache-control", b"no-store")])
