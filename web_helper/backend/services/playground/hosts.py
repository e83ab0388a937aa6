"""The agents as hosts of playground containers: where the server asks them, and how it calls their containers."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from synapse_sdk.wire.agents import server_key
from web_helper.backend.core.problems import NotFoundProblem
from web_helper.backend.models import Agent
from web_helper.backend.queries.plugins import agents as queries
from web_helper.backend.services.plugins.agents import is_connected


@dataclass(frozen=True)
class Host:
    """One agent.

    Attributes:
        url: Where its API is, as it said itself.
        key: What the server shows it.
    """

    id: int
    name: str
    url: str
    is_connected: bool
    key: str = field(repr=False)


def all_hosts(session: Session) -> list[Host]:
    """Every agent, by its id."""
    return [_host_of(agent) for agent in queries.all_agents(session)]


def find_host(session: Session, agent_id: int) -> Host:
    """One agent.

    Raises:
        NotFoundProblem: There is none.
    """
    agent = session.get(Agent, agent_id) if abs(agent_id) < 2**63 else None
    if agent is None:
        raise NotFoundProblem.of("agent", agent_id)
    return _host_of(agent)


def split_id(text: str, noun: str = "playground container") -> tuple[int, str]:
    """The agent, and the agent's own name of the thing.

    Raises:
        NotFoundProblem: It is no such id.
    """
    agent, dash, own = text.partition("-")
    if not (dash and own and agent.isdecimal() and len(agent) < 19):
        raise NotFoundProblem.of(noun, text)
    return int(agent), own


def _host_of(agent: Agent) -> Host:
    return Host(agent.id, agent.name, agent.url.rstrip("/"), is_connected(agent), server_key(agent.key_hash))
