"""Playground containers as the server shows them: those of all its agents, each under one address."""

from __future__ import annotations

from pydantic import BaseModel, Field

from synapse_sdk.wire.containers import BuildRecord, ContainerCreate, ContainerRecord, EngineHealth
from synapse_sdk.wire.errors import ResponseMeta


class PlaygroundContainer(ContainerRecord):
    """A container of one of the agents.

    Attributes:
        id: `<agent>-<number>`; it stays when the container is made anew.
        agent: Id of the agent.
        agent_name: Its name.
        url: Where a person with a login finds the app, on the server.
    """

    id: str = Field(description="`<agent>-<number>`; it stays when the container is made anew.")
    agent: int = Field(description="Id of the agent that has it.")
    agent_name: str
    url: str = Field(description="The app on this server, for whoever is logged in.")


class PlaygroundBuild(BuildRecord):
    """A build of one of the agents.

    Attributes:
        id: `<agent>-<the agent's own id>`.
    """

    id: str = Field(description="`<agent>-<the agent's own id>`.")
    result: PlaygroundContainer | None = None


class PlaygroundCreate(ContainerCreate):
    """A container that is wanted.

    Attributes:
        agent: Which agent shall have it; else the one that has it already, else the first that can.
    """

    agent: int | None = Field(None, description="An agent; else the one that has it, else the first that can.")


class PlaygroundMade(BaseModel):
    """The answer to a wish: a container that is there, or the build that makes it; the other is null."""

    container: PlaygroundContainer | None = None
    build: PlaygroundBuild | None = None


class PlaygroundHost(BaseModel):
    """An agent, and whether it can make containers.

    Attributes:
        engine: None while the agent does not answer.
        problem: Why it cannot, and what to do; None when it can.
    """

    agent: int
    name: str
    connected: bool
    engine: EngineHealth | None = None
    problem: str | None = None


class PlaygroundListMeta(ResponseMeta):
    """Facts about a list.

    Attributes:
        unreachable: Names of connected agents that did not answer; what they have is missing from the list.
    """

    unreachable: list[str] = Field([])


class PlaygroundList(BaseModel):
    """Containers of all agents, newest first; they are few, so there are no pages."""

    data: list[PlaygroundContainer]
    meta: PlaygroundListMeta


class PlaygroundLogLine(BaseModel):
    """One server-sent event of a log: `type` is `log`, then `complete` or `error` as the last one."""

    type: str
    message: str
    position: str | int
