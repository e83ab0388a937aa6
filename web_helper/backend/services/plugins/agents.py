"""Agents: registering a host, and hearing from it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from synapse_sdk.wire.plugins import AgentChange, AgentCreate, AgentReport
from web_helper.backend.core.problems import AuthenticationProblem, ConflictProblem
from web_helper.backend.models import Agent
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.plugins import agents as queries
from web_helper.backend.services.access import require_admin
from web_helper.backend.services.authentication import create_key, hash_key
from web_helper.backend.services.call import Call
from web_helper.backend.services.lists import read_row
from web_helper.backend.services.plugins.agent_runs import end_runs_of_deleted
from web_helper.backend.services.plugins.plugins import AGENT_ALIVE


def is_connected(agent: Agent) -> bool:
    """Whether the agent has reported lately."""
    return agent.last_seen_at is not None and utc_now() - agent.last_seen_at <= AGENT_ALIVE


def register_agent(call: Call, body: AgentCreate) -> tuple[Agent, str]:
    """Add a host; its key is shown this once."""
    require_admin(call.actor)
    _refuse_name(call, body.name)
    key = create_key()
    agent = Agent(name=body.name, url=body.url, capacity=dict(body.capacity), key_hash=hash_key(key))
    call.session.add(agent)
    call.session.flush()
    return agent, key


def update_agent(call: Call, agent_id: int, body: AgentChange) -> Agent:
    """Change what was sent of an agent."""
    require_admin(call.actor)
    agent: Agent = read_row(call, queries.LISTING, agent_id)
    if body.name is not None and body.name != agent.name:
        _refuse_name(call, body.name)
        agent.name = body.name
    agent.url = body.url or agent.url
    call.session.flush()
    return agent


def delete_agent(call: Call, agent_id: int) -> None:
    """Forget a host; its key works no more."""
    require_admin(call.actor)
    agent: Agent = read_row(call, queries.LISTING, agent_id)
    end_runs_of_deleted(call.session, agent)
    call.session.delete(agent)


def note_report(session: Session, key: str, body: AgentReport) -> Agent:
    """The agent of this key lives.

    Raises:
        AuthenticationProblem: No agent has this key.
    """
    agent = queries.agent_by_key_hash(session, hash_key(key))
    if agent is None:
        raise AuthenticationProblem("No agent has this key; register the agent again.")
    agent.last_seen_at = utc_now()
    if body.capacity is not None:
        agent.capacity = dict(body.capacity)
    agent.url = body.url or agent.url
    session.flush()
    return agent


def _refuse_name(call: Call, name: str) -> None:
    if queries.agent_by_name(call.session, name) is not None:
        raise ConflictProblem(f"There is an agent named {name!r} already; choose another name.")
