"""How far a job is as a whole, from how far its steps are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synapse_sdk.loggers.base import ProgressData


@dataclass
class OverallProgress:
    """The progress record of a job.

    Overall is what the earlier steps weigh plus the running step's share of its own weight; it never goes back. A step
    without a proportion counts for the one it runs in. Without any proportions the steps seen so far count the same.

    Attributes:
        proportions: Share of each step, in order.
    """

    proportions: dict[str, int] = field(default_factory=dict)
    _steps: dict[str, ProgressData] = field(default_factory=dict)
    _overall: float = 0.0
    _current: str = ""

    @property
    def has_started(self) -> bool:
        return bool(self._steps)

    def update(self, step: str, running_step: str | None, progress: ProgressData) -> None:
        """Take in a step's progress."""
        self._steps[step] = progress
        self._current = step
        owner = step if step in self.proportions else running_step
        self._overall = min(max(self._overall, self._measure(owner, progress.percent)), 100.0)

    def record(self) -> dict[str, Any]:
        """The whole record, as the server keeps it; made when it is sent, not at each report."""
        steps, current, overall = dict(self._steps), self._current, round(self._overall, 2)
        names = list(self.proportions) + [name for name in steps if name not in self.proportions]
        records = {
            name: {"proportion": self.proportions.get(name, 0)} | _shown(steps.get(name, ProgressData(0.0)))
            for name in names
        }
        summary = {"overall": overall, "step": current} | _shown(steps.get(current, ProgressData(0.0)))
        return {"record": {"steps": records}, "current_progress": summary}

    def _measure(self, owner: str | None, percent: float) -> float:
        if not self.proportions:
            return sum(progress.percent for progress in self._steps.values()) / len(self._steps)
        if owner not in self.proportions:
            return self._overall
        names = list(self.proportions)
        earlier = sum(self.proportions[name] for name in names[: names.index(owner)])
        return (earlier + self.proportions[owner] * percent / 100) / sum(self.proportions.values()) * 100


def _shown(progress: ProgressData) -> dict[str, Any]:
    return {"percent": progress.percent, "time_remaining": progress.time_remaining, "status": progress.status}


def as_proportions(proportions: Mapping[str, int] | None) -> dict[str, int]:
    """Proportions that can be used: none below zero, none that leave the sum at zero.

    Raises:
        ValueError: A proportion is negative.
    """
    given = dict(proportions or {})
    for name, share in given.items():
        if share < 0:
            raise ValueError(f"the proportion of step {name!r} is {share}; use 0 or more")
    return given if sum(given.values()) else {}
