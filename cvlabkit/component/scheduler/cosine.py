"""A learning rate that falls along half a cosine (Loshchilov and Hutter 2017), after a warm-up."""

from __future__ import annotations

import math
from typing import Any

from cvlabkit.component.base import Scheduler
from cvlabkit.core.config import Config


class Cosine(Scheduler):
    """From the optimizer's learning rate to 0 over the run's epochs.

    Args:
        cfg: The config.
        optimizer: Anything with `param_groups`.
        epochs: The whole run.
        warmup_epochs: Epochs over which the rate rises first.
    """

    def __init__(self, cfg: Config, optimizer: Any, *, epochs: int, warmup_epochs: int = 0) -> None:
        # Not its groups: an optimizer that takes a checkpoint's state makes new ones.
        self.optimizer = optimizer
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.epochs = epochs
        self.warmup_epochs = warmup_epochs
        self.epoch = 0
        self.apply()

    def step(self) -> None:
        """One epoch is over."""
        self.epoch += 1
        self.apply()

    def apply(self) -> None:
        """Set the rates for the epoch that begins."""
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * self.factor()

    def factor(self) -> float:
        """The share of the optimizer's own rate."""
        if self.epoch < self.warmup_epochs:
            return (self.epoch + 1) / (self.warmup_epochs + 1)
        done = (self.epoch - self.warmup_epochs) / max(1, self.epochs - self.warmup_epochs)
        return (1 + math.cos(math.pi * min(1.0, done))) / 2

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"epoch": self.epoch, "rates": self.rates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.epoch, self.rates = state["epoch"], list(state["rates"])
        self.apply()
