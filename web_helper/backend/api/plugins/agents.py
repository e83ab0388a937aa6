"""Agents: registering hosts (v1 and v2), and hearing from them by their own key."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import Request

from synapse_sdk.wire.pages import Envelope
from synapse_sdk.wire.plugins import Agent, AgentChange, AgentCreate, AgentReport, RegisteredAgent
from web_helper.backend.api.context import Writing, database_of
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.queries.plugins import agents as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.plugins import agents as service


def _shape(row: Any) -> Agent:
    return Agent(
        id=row.id,
        name=row.name,
        url=row.url,
        status="connected" if service.is_connected(row) else "disconnected",
        capacity=row.capacity,
        last_seen_at=row.last_seen_at,
        created=row.created,
    )


_agents = Resource("agents", queries.LISTING, Agent, present=lambda _call, row: _shape(row))
_agents.listed()
_agents.read()
_agents.changed(service.update_agent, AgentChange)
_agents.deleted(service.delete_agent)
router = _agents.router


def _register(call: Call, body: AgentCreate) -> RegisteredAgent:
    row, key = service.register_agent(call, body)
    return RegisteredAgent(**_shape(row).model_dump(), token=key)


@router.post("/agents/", status_code=HTTPStatus.CREATED, operation_id="v1_agents_create")
def register_agent(call: Writing, body: AgentCreate) -> RegisteredAgent:
    """Register a host; its key is in this answer and nowhere else."""
    return _register(call, body)


@router.post("/v2/agents/", status_code=HTTPStatus.CREATED, operation_id="v2_agents_create")
def register_agent_v2(call: Writing, body: AgentCreate) -> Envelope[RegisteredAgent]:
    """Register a host; its key is in this answer and nowhere else."""
    return Envelope[RegisteredAgent].model_validate(envelope(call, _register(call, body)))


@router.post("/agents/{key}/connect/", operation_id="v1_agents_connect")
def connect_agent(request: Request, key: str, body: AgentReport) -> Agent:
    """The agent of this key lives; the key is the permission."""
    with database_of(request).write() as session:
        return _shape(service.note_report(session, key, body))


@router.post("/v2/agents/{key}/connect/", operation_id="v2_agents_connect")
def connect_agent_v2(request: Request, key: str, body: AgentReport) -> Envelope[Agent]:
    """The agent of this key lives; the key is the permission."""
    with database_of(request).write() as session:
        agent = _shape(service.note_report(session, key, body))
    return Envelope[Agent].model_validate({"data": agent, "meta": {"request_id": request.state.request_id}})
