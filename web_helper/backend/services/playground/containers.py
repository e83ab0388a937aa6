"""Playground containers of all agents. The agents keep the truth; here it is asked for, merged and passed on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from synapse_sdk.wire.containers import ContainerRecord, ContainerWish, EngineHealth
from synapse_sdk.wire.playground import PlaygroundBuild, PlaygroundContainer, PlaygroundCreate, PlaygroundHost
from synapse_sdk.wire.playground import PlaygroundMade as Made
from web_helper.backend.core.problems import ConflictProblem, Problem
from web_helper.backend.services.playground.asking import (
    ASK_SECONDS,
    CHANGE_SECONDS,
    AgentAwayProblem,
    AgentLink,
    away,
    own_path,
)
from web_helper.backend.services.playground.hosts import Host

# How long one slow agent may hold up a list of all.
LIST_SECONDS = 5.0
PAGE_SIZE = 200
NO_HOST = (
    "No agent can make containers: start one with `synapse up`, on a host with Docker or Podman "
    "(`GET /v2/playground-hosts/` says what each of them lacks)."
)


@dataclass(frozen=True)
class Found:
    """Containers of all agents, newest first, and the names of agents that did not answer."""

    containers: list[PlaygroundContainer]
    unreachable: list[str]


def app_path(host: Host, record: int) -> str:
    """Where the server shows an app."""
    return f"/playground/{host.id}-{record}/"


class Playgrounds:
    """What the server asks of agents.

    Args:
        link: How it asks them.
        base_url: How people reach this server.
    """

    def __init__(self, link: AgentLink, base_url: str) -> None:
        self.link, self._base_url = link, base_url.rstrip("/")

    async def find_all(self, hosts: Sequence[Host], filters: Mapping[str, Sequence[str]]) -> Found:
        """All containers that a list asks for.

        Raises:
            ValidationProblem: An agent knows no such filter.
        """
        asked = [host for host in hosts if host.is_connected]
        answers = await asyncio.gather(*(self._list(host, filters) for host in asked), return_exceptions=True)
        rows: list[PlaygroundContainer] = []
        unreachable = []
        for host, answer in zip(asked, answers, strict=True):
            if isinstance(answer, AgentAwayProblem):
                unreachable.append(host.name)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                rows += answer
        rows.sort(key=lambda row: (row.created_at, row.id), reverse=True)
        return Found(rows, unreachable)

    async def get(self, host: Host, key: str) -> PlaygroundContainer:
        """One container with all that the engine knows.

        Raises:
            NotFoundProblem: There is none.
        """
        answer = await self.link.ask(host, "GET", own_path("containers", key))
        return self.shown(host, msgspec.json.decode(answer.content))

    async def create(self, host: Host, body: PlaygroundCreate) -> Made:
        """A container of a release that the server has."""
        content = body.model_dump(mode="json", exclude_unset=True, exclude={"agent"})
        answer = await self.link.ask(host, "POST", own_path("containers"), json=content, seconds=CHANGE_SECONDS)
        return await self._made(host, answer.content)

    async def upload(self, host: Host, content_type: str, body: Any) -> Made:
        """A container of an archive, which is passed on as it comes."""
        answer = await self.link.ask(
            host,
            "POST",
            own_path("containers"),
            content=body,
            headers={"Content-Type": content_type},
            seconds=CHANGE_SECONDS,
        )
        return await self._made(host, answer.content)

    async def change(self, host: Host, key: str, wish: ContainerWish) -> Made:
        """Start, restart, pause or stop a container."""
        path = own_path("containers", key)
        answer = await self.link.ask(host, "PATCH", path, json={"status": wish.value}, seconds=CHANGE_SECONDS)
        return await self._made(host, answer.content)

    async def delete(self, host: Host, key: str) -> None:
        """Stop a container and remove it."""
        await self.link.ask(host, "DELETE", own_path("containers", key), seconds=CHANGE_SECONDS)

    async def read_log(self, host: Host, key: str, tail: int) -> str:
        """What an app has printed lately."""
        answer = await self.link.ask(host, "GET", own_path("containers", key, "logs"), params={"tail": tail})
        return answer.text

    async def build(self, host: Host, build_id: str) -> PlaygroundBuild:
        """One build.

        Raises:
            NotFoundProblem: There is none, or it is not kept any more.
        """
        answer = await self.link.ask(host, "GET", own_path("builds", build_id))
        fields = msgspec.json.decode(answer.content)
        result = fields.pop("result", None)
        shown = None if result is None else self.shown(host, result)
        return PlaygroundBuild.model_validate(fields | {"id": f"{host.id}-{build_id}", "result": shown})

    async def describe(self, host: Host, seconds: float = LIST_SECONDS) -> PlaygroundHost:
        """Whether an agent can make containers; one that does not say so in time cannot."""
        facts = {"agent": host.id, "name": host.name, "connected": host.is_connected}
        if not host.is_connected:
            return PlaygroundHost(**facts, problem="The agent has not reported lately: start it.")
        try:
            answer = await self.link.ask(host, "GET", own_path("health"), seconds=seconds)
        except Problem as exc:
            return PlaygroundHost(**facts, problem=exc.message)
        engine = EngineHealth.model_validate(msgspec.json.decode(answer.content)["containers"])
        return PlaygroundHost(**facts, engine=engine, problem=engine.problem)

    async def choose(self, hosts: Sequence[Host], plugin_release: str | None, model: int | None) -> Host:
        """The agent that has the container of this release and model, else the first that can make one.

        Raises:
            ConflictProblem: There is none.
        """
        if plugin_release is not None:
            found = await self.find_all(hosts, {"plugin_release": [plugin_release]})
            for row in found.containers:
                if row.model == model and row.plugin_release == plugin_release:
                    return next(host for host in hosts if host.id == row.agent)
        # Who waits for a container waits for an agent that is busy, too.
        described = await asyncio.gather(*(self.describe(host, ASK_SECONDS) for host in hosts))
        for host, facts in zip(hosts, described, strict=True):
            if facts.problem is None:
                return host
        raise ConflictProblem(NO_HOST)

    def shown(self, host: Host, fields: Mapping[str, Any]) -> PlaygroundContainer:
        """A container as this server names it."""
        own = ContainerRecord.model_validate(fields)
        return PlaygroundContainer(
            **own.model_dump(exclude={"id", "build_id"}),
            id=f"{host.id}-{own.record}",
            build_id=f"{host.id}-{own.build_id}" if own.build_id else None,
            agent=host.id,
            agent_name=host.name,
            url=self._base_url + app_path(host, own.record),
        )

    async def _list(self, host: Host, filters: Mapping[str, Sequence[str]]) -> list[PlaygroundContainer]:
        rows: list[PlaygroundContainer] = []
        try:
            async with asyncio.timeout(LIST_SECONDS + ASK_SECONDS):
                while True:
                    page = len(rows) // PAGE_SIZE + 1
                    params = {**filters, "page": page, "page_size": PAGE_SIZE}
                    path = own_path("containers")
                    answer = await self.link.ask(host, "GET", path, params=params, seconds=LIST_SECONDS)
                    found = msgspec.json.decode(answer.content)
                    rows += [self.shown(host, each) for each in found["results"]]
                    if found["next"] is None:
                        return rows
        except TimeoutError as exc:
            raise away(host, "it takes too long") from exc

    async def _made(self, host: Host, content: bytes) -> Made:
        fields = msgspec.json.decode(content)
        if "build_id" in fields and "id" not in fields:
            return Made(build=await self.build(host, str(fields["build_id"])))
        return Made(container=self.shown(host, fields))
