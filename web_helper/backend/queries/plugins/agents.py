"""Agents: the hosts that run plugins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from web_helper.backend.models import Agent
from web_helper.backend.queries.filters import Listing, common_filters, contains_text

LISTING = Listing(
    noun="agents",
    entity=Agent,
    keys=(Agent.id,),
    filters=common_filters(Agent.id, contains_text(Agent.name), searched="the name"),
)


def agent_by_key_hash(session: Session, key_hash: str) -> Agent | None:
    """The agent whose key has this SHA-256 (index: unique key_hash)."""
    return session.scalar(select(Agent).where(Agent.key_hash == key_hash))


def agent_by_name(session: Session, name: str) -> Agent | None:
    """The agent of this name (index: unique name)."""
    return session.scalar(select(Agent).where(Agent.name == name))


def all_agents(session: Session) -> list[Agent]:
    """Every agent, by its id."""
    return list(session.scalars(select(Agent).order_by(Agent.id)))


def agents_seen_since(session: Session, moment: datetime) -> list[Agent]:
    """Agents that have reported since then."""
    return list(session.scalars(select(Agent).where(Agent.last_seen_at >= moment).order_by(Agent.id)))
