"""Served models. An application of an agent that is silent is unavailable, whatever it said last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, joinedload

from synapse_sdk.wire.serve import ServeStatus
from web_helper.backend.models import Agent, Plugin, PluginRelease
from web_helper.backend.models.base import utc_now
from web_helper.backend.models.serve_application import ServeApplication
from web_helper.backend.queries.filters import (
    Condition,
    Filter,
    Kind,
    Listing,
    alias,
    common_filters,
    contains_text,
    exact,
    integers,
    is_any_of,
)

# Three beats of an agent: silent for longer, it is gone.
AGENT_ALIVE = timedelta(seconds=30)


def _has_status(words: Sequence[str]) -> Condition:
    is_heard = ServeApplication.agent.has(Agent.last_seen_at >= utc_now() - AGENT_ALIVE)
    told = and_(is_heard, is_any_of(ServeApplication.status, list(words)))
    return or_(told, ~is_heard) if ServeStatus.UNAVAILABLE in words else told


def _of_plugin(codes: Sequence[str]) -> Condition:
    return ServeApplication.release.has(PluginRelease.plugin.has(is_any_of(Plugin.code, list(codes))))


_AGENT = integers(ServeApplication.agent_id, "Applications of these agents.")

LISTING = Listing(
    noun="serve applications",
    entity=ServeApplication,
    keys=(ServeApplication.id,),
    filters={
        **common_filters(ServeApplication.id, contains_text(ServeApplication.name), searched="the name"),
        "name": exact(ServeApplication.name, "Applications of this name, `code@version`."),
        "plugin_code": Filter(Kind.STRINGS, _of_plugin, "Applications of these plugins."),
        "plugin_release": integers(ServeApplication.plugin_release_id, "Applications of these releases."),
        "agent": _AGENT,
        "job__agent": alias("agent", _AGENT),
        "status": Filter(Kind.STRINGS, _has_status, "Applications in these states.", tuple(ServeStatus)),
    },
    loads=(
        joinedload(ServeApplication.agent),
        joinedload(ServeApplication.release).joinedload(PluginRelease.plugin),
    ),
)


def application_of(session: Session, agent_id: int, name: str) -> ServeApplication | None:
    """One application of an agent (index: unique agent_id, name)."""
    query = select(ServeApplication).where(ServeApplication.agent_id == agent_id, ServeApplication.name == name)
    return session.scalar(query)


def applications_of(session: Session, agent_id: int) -> list[ServeApplication]:
    """All applications of an agent (index: unique agent_id, name)."""
    query = select(ServeApplication).where(ServeApplication.agent_id == agent_id)
    return list(session.scalars(query.order_by(ServeApplication.id)))


def release_named(session: Session, name: str) -> PluginRelease | None:
    """The release of `code@version` (indexes: unique code; unique plugin_id, version)."""
    code, _, version = name.rpartition("@")
    query = select(PluginRelease).join(Plugin).where(Plugin.code == code, PluginRelease.version == version)
    return session.scalar(query)
