"""Is this agent alive, and does the server hear it?"""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel

router = APIRouter()


class AgentHealth(BaseModel):
    """State of the agent; `problem` is None while the server takes its heartbeats and gives it work."""

    status: str = "ok"
    last_heard: datetime | None
    problem: str | None


@router.get("/health/")
def get_health(request: Request) -> AgentHealth:
    """Answer 200 while the process lives."""
    heartbeat, dispatcher = request.app.state.heartbeat, request.app.state.dispatcher
    return AgentHealth(last_heard=heartbeat.last_heard, problem=heartbeat.problem or dispatcher.problem)
