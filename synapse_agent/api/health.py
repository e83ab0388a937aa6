"""Is this agent alive, does the server hear it, and does a container engine answer?"""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel

from synapse_sdk.wire.containers import EngineHealth

router = APIRouter()


class AgentHealth(BaseModel):
    """State of the agent; `problem` is None while the server takes its heartbeats and gives it work.

    `containers` says whether playground containers can be made here.
    """

    status: str = "ok"
    last_heard: datetime | None
    problem: str | None
    containers: EngineHealth


@router.get("/health/")
def get_health(request: Request) -> AgentHealth:
    """Answer 200 while the process lives."""
    heartbeat, dispatcher = request.app.state.heartbeat, request.app.state.dispatcher
    return AgentHealth(
        last_heard=heartbeat.last_heard,
        problem=heartbeat.problem or dispatcher.problem,
        containers=request.app.state.playground.health(),
    )
