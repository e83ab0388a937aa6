"""Keeps the state of the best epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cvlabkit.component.base import Checkpoint
from cvlabkit.core.config import Config
from cvlabkit.core.state_file import write_state
from synapse_sdk.exceptions import ComponentError


class Best(Checkpoint):
    """Writes `best.pt` into the run's folder whenever a metric is better than ever.

    Args:
        cfg: The config.
        monitor: The metric, `val_accuracy` say.
        mode: `max` when more is better, `min` when less is.
    """

    def __init__(self, cfg: Config, *, monitor: str, mode: str = "max") -> None:
        if mode not in {"max", "min"}:
            raise ComponentError(f"checkpoint: mode is max or min, not {mode!r}.")
        self.monitor = monitor
        self.sign = 1.0 if mode == "max" else -1.0
        self.path = Path(str(cfg.get("log_dir", "."))) / "best.pt"
        self.best = -math.inf

    def save(self, state: dict[str, Any], metrics: Mapping[str, float]) -> None:
        """Write the state, if it is the best so far."""
        if self.monitor not in metrics:
            raise ComponentError(f"checkpoint: there is no metric {self.monitor}; there are {', '.join(metrics)}.")
        value = self.sign * metrics[self.monitor]
        if value > self.best:
            write_state(self.path, state)
            self.best = value

    def load(self) -> dict[str, Any]:
        """The best state."""
        state: dict[str, Any] = torch.load(self.path, weights_only=True)
        return state

    def state_dict(self) -> dict[str, float]:
        """For a run that goes on: what was the best."""
        return {"best": self.best}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from a checkpoint."""
        self.best = state["best"]
