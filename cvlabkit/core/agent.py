"""The loop of an experiment. What a step does is the agent's own; epochs, resuming and checkpoints are here."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvlabkit.core.randomness import DEFAULT_SEED, seed_everything, seed_of_epoch
from cvlabkit.core.state_file import read_state, write_state
from synapse_sdk.exceptions import ComponentError

if TYPE_CHECKING:
    from cvlabkit.core.config import Config
    from cvlabkit.core.creator import Creator
    from cvlabkit.core.metrics_file import Recorder

Metrics = dict[str, float]

# What a run that goes on may have changed meanwhile; anything else makes it another run.
_FREE_KEYS = {
    "checkpoint_interval",
    "checkpoint_path",
    "device",
    "epochs",
    "log_dir",
    "log_interval",
    "logger",
    "project",
    "run_name",
}


class Agent(ABC):
    """One experiment.

    `setup` builds what is needed, `train_loader` and, where there is one, `val_loader` among it. Whatever the agent
    holds that has `state_dict` and `load_state_dict` goes into checkpoints.

    Args:
        config: The run's config; `epochs`, `seed`, `log_interval`, `checkpoint_path` and `checkpoint_interval` are read
            here.
        create: Builds components.

    Attributes:
        epoch: Epochs that are done.
        step: Batches that were learned from.
        history: The metrics of every epoch.
        recorder: Takes every row of metrics; the run's file is put in here.
    """

    train_loader: Iterable[Any] = ()
    val_loader: Iterable[Any] = ()

    def __init__(self, config: Config, create: Creator) -> None:
        self.config = config
        self.create = create
        self.epoch = 0
        self.step = 0
        self.history: list[Metrics] = []
        self.recorder: Recorder | None = None
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
        """Take the numbers of an epoch, `epoch` and `step` among them."""

    def end_epoch(self, metrics: Metrics) -> None:  # noqa: B027 - and may have nothing to do
        """After an epoch and before its checkpoint: the place for a learning rate to change."""

    def prepare(self) -> None:
        """Call `setup`, unless it was called."""
        if not self._is_ready:
            self.setup()
            self._is_ready = True

    def fit(self) -> list[Metrics]:
        """Train for `epochs`, from the checkpoint on where there is one; the metrics of every epoch."""
        self.prepare()
        epochs = self.config.whole_number("epochs", default=1, at_least=0)
        seed = self.config.whole_number("seed", default=DEFAULT_SEED)
        path = self.config.get("checkpoint_path")
        if path is not None and Path(path).is_file():
            self._resume(Path(path), epochs)
        if self.recorder is not None:
            self.recorder.begin(self.epoch)
        while self.epoch < epochs:
            seed_everything(seed_of_epoch(seed, self.epoch + 1))
            metrics = {**self.train_epoch(), **self.evaluate()}
            self.epoch += 1
            self._end_epoch(metrics)
            if path is not None and self._is_checkpoint_due(epochs):
                self.save(path)
        return self.history

    def train_epoch(self) -> Metrics:
        """Learn from every batch once; the means of what the steps said."""
        self.prepare()
        interval = self.config.whole_number("log_interval", default=0, at_least=0)
        steps = []
        for batch in self.train_loader:
            metrics = {name: float(value) for name, value in self.train_step(batch).items()}
            steps.append(metrics)
            self.step += 1
            if interval and self.step % interval == 0:
                self._record({"epoch": self.epoch + 1, "step": self.step, **metrics})
        if not steps:
            raise ComponentError(f"{type(self).__name__}: train_loader gave no batch to learn from.")
        return _means(steps)

    def evaluate(self) -> Metrics:
        """Look at every batch for validation; the means of what the steps said."""
        self.prepare()
        return _means(self.validate_step(batch) for batch in self.val_loader)

    def save(self, path: str | Path) -> None:
        """Write a checkpoint: the file is the old one or the new one, never half."""
        parts = {name: each.state_dict() for name, each in self._stateful().items()}
        state = {"epoch": self.epoch, "step": self.step, "history": self.history}
        write_state(Path(path), {**state, "config": self._fixed_values(), "parts": parts})

    def load(self, path: str | Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ComponentError: It is none, or it is of other components than the config builds.
        """
        self.prepare()
        self._take(Path(path), read_state(Path(path)))

    def _resume(self, path: Path, epochs: int) -> None:
        """Go on from a checkpoint of this very run: with other values, its metrics would be of neither run."""
        state, values = read_state(path), self._fixed_values()
        changed = [key for key in {**values, **state["config"]} if values.get(key) != state["config"].get(key)]
        if changed or state["epoch"] > epochs:
            what = f"with other values of {', '.join(changed)}" if changed else f"of {state['epoch']} epochs already"
            raise ComponentError(f"{path}: a run {what}; choose another run_name or log_dir, or remove the file.")
        self._take(path, state)

    def _fixed_values(self) -> dict[str, str]:
        return {key: repr(value) for key, value in self.config.to_dict().items() if key not in _FREE_KEYS}

    def _take(self, path: Path, state: dict[str, Any]) -> None:
        for name, each in self._stateful().items():
            try:
                each.load_state_dict(state["parts"][name])
            except (KeyError, RuntimeError, TypeError, ValueError) as exc:
                reason = str(exc).splitlines()[0]
                raise ComponentError(
                    f"{path}: the checkpoint's {name} does not fit what the config builds ({reason}); choose another "
                    "checkpoint_path, or remove the file."
                ) from exc
        self.epoch, self.step, self.history = state["epoch"], state["step"], list(state["history"])

    def _end_epoch(self, metrics: Metrics) -> None:
        self.history.append(metrics)
        row = {"epoch": self.epoch, "step": self.step, **metrics}
        self._record(row)
        self.log(row)
        self.end_epoch(metrics)

    def _record(self, row: Metrics) -> None:
        if self.recorder is not None:
            self.recorder.write(row)

    def _is_checkpoint_due(self, epochs: int) -> bool:
        interval = self.config.whole_number("checkpoint_interval", default=1, at_least=1)
        return self.epoch % interval == 0 or self.epoch == epochs

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
