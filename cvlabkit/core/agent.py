"""The loop of an experiment. What a step does is the agent's own; epochs, resuming and checkpoints are here."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvlabkit.core.state_file import read_state, write_state

if TYPE_CHECKING:
    from cvlabkit.core.config import Config
    from cvlabkit.core.creator import Creator

Metrics = dict[str, float]


class Agent(ABC):
    """One experiment.

    `setup` builds what is needed, `train_loader` and, where there is one, `val_loader` among it. Whatever the agent
    holds that has `state_dict` and `load_state_dict` goes into checkpoints.

    Args:
        config: The run's config; `epochs`, `checkpoint_path` and `checkpoint_interval` are read here.
        create: Builds components.
    """

    train_loader: Iterable[Any] = ()
    val_loader: Iterable[Any] = ()

    def __init__(self, config: Config, create: Creator) -> None:
        self.config = config
        self.create = create
        self.epoch = 0
        self.history: list[Metrics] = []
        self._is_ready = False

    def setup(self) -> None:  # noqa: B027 - an agent may need nothing
        """Build components; called once, before the first step."""

    @abstractmethod
    def train_step(self, batch: Any) -> Mapping[str, float]:
        """Learn from one batch, and say how it went."""

    def validate_step(self, batch: Any) -> Mapping[str, float]:
        """Look at one batch without learning from it."""
        del batch
        return {}

    def log(self, metrics: Metrics) -> None:  # noqa: B027 - and may log nowhere
        """Take the numbers of an epoch; the run's own logger is put in here."""

    def prepare(self) -> None:
        """Call `setup`, unless it was called."""
        if not self._is_ready:
            self.setup()
            self._is_ready = True

    def fit(self) -> list[Metrics]:
        """Train for `epochs`, from the checkpoint on where there is one; the metrics of every epoch."""
        self.prepare()
        path = self.config.get("checkpoint_path")
        interval = int(self.config.get("checkpoint_interval", 1))
        if path is not None and Path(path).is_file():
            self.load(path)
        while self.epoch < int(self.config.get("epochs", 1)):
            metrics = {**self.train_epoch(), **self.evaluate()}
            self.epoch += 1
            self.history.append(metrics)
            self.log({"epoch": self.epoch, **metrics})
            if path is not None and (self.epoch % interval == 0 or self.epoch == self.config.get("epochs", 1)):
                self.save(path)
        return self.history

    def train_epoch(self) -> Metrics:
        """Learn from every batch once; the means of what the steps said."""
        self.prepare()
        return _means(self.train_step(batch) for batch in self.train_loader)

    def evaluate(self) -> Metrics:
        """Look at every batch for validation; the means of what the steps said."""
        self.prepare()
        return _means(self.validate_step(batch) for batch in self.val_loader)

    def save(self, path: str | Path) -> None:
        """Write a checkpoint: the file is the old one or the new one, never half."""
        parts = {name: each.state_dict() for name, each in self._stateful().items()}
        write_state(Path(path), {"epoch": self.epoch, "history": self.history, "parts": parts})

    def load(self, path: str | Path) -> None:
        """Go on from a checkpoint."""
        self.prepare()
        state = read_state(Path(path))
        for name, each in self._stateful().items():
            if name in state["parts"]:
                each.load_state_dict(state["parts"][name])
        self.epoch, self.history = state["epoch"], list(state["history"])

    def _stateful(self) -> dict[str, Any]:
        return {
            name: each
            for name, each in vars(self).items()
            if hasattr(each, "state_dict") and hasattr(each, "load_state_dict")
        }


def _means(steps: Iterable[Mapping[str, float]]) -> Metrics:
    values: dict[str, list[float]] = {}
    for step in steps:
        for name, value in step.items():
            values.setdefault(name, []).append(float(value))
    return {name: math.fsum(each) / len(each) for name, each in values.items()}
