"""What loggers record: levels, and the progress of an action and of a pipeline."""

from __future__ import annotations

from pydantic import BaseModel, Field

from synapse_sdk.plugins.enums import LogLevel
from synapse_sdk.plugins.models.pipeline import ActionStatus, RunStatus

__all__ = ["ActionProgress", "LogLevel", "PipelineProgress"]


class ActionProgress(BaseModel):
    """How far one action of a pipeline is."""

    name: str
    status: ActionStatus = ActionStatus.PENDING
    percent: float = Field(0.0, ge=0, le=100)
    error: str | None = None


class PipelineProgress(BaseModel):
    """How far a pipeline is: each action, in order."""

    run_id: str
    status: RunStatus = RunStatus.PENDING
    actions: list[ActionProgress] = []

    @property
    def percent(self) -> float:
        """Share of the whole that is done; each action counts the same."""
        return round(sum(action.percent for action in self.actions) / len(self.actions), 2) if self.actions else 0.0
