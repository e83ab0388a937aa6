"""Learns to tell classes apart, by gradients.

Needs `model`, `loss`, `optimizer`, and `dataset` and `dataloader` with the names `train` and `val` or one for both.
Takes `transform`, `sampler` (for training), `scheduler`, `metric`, `checkpoint` and `logger` where the config has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from cvlabkit.core.agent import Agent, Metrics
from cvlabkit.core.config import Config


class Classification(Agent):
    """Batches are inputs and targets; metrics compare the model's outputs with the targets."""

    def setup(self) -> None:
        self.device = find_device(self.config)
        self.train_loader = self.make_loader("train")
        self.val_loader = self.make_loader("val")
        self.model = self.create.model().to(self.device)
        self.setup_learning()
        self.metrics = self.create.all("metric")
        self.checkpoint = self.create.optional("checkpoint")
        self.logger = self.create.optional("logger")

    def setup_learning(self) -> None:
        """Build what changes the model."""
        self.loss = self.create.loss()
        self.optimizer = self.create.optimizer(self.model.parameters())
        self.scheduler = self.create.optional("scheduler", None, self.optimizer)

    def make_loader(self, split: str) -> Iterable[Any]:
        """The batches of a split."""
        transform = self.create.optional("transform", split)
        dataset = self.create.required("dataset", split, transform)
        sampler = self.create.optional("sampler", split, dataset) if split == "train" else None
        loader: Iterable[Any] = self.create.required("dataloader", split, dataset, sampler)
        return loader

    def to_device(self, batch: Any) -> Any:
        """Inputs and targets where the model is."""
        inputs, targets = batch
        return inputs.to(self.device), targets.to(self.device)

    def train_step(self, batch: Any) -> Mapping[str, float]:
        inputs, targets = self.to_device(batch)
        self.optimizer.zero_grad()
        loss = self.loss(self.model(inputs), targets)
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.item()}

    def validate_step(self, batch: Any) -> Mapping[str, float]:
        inputs, targets = self.to_device(batch)
        outputs = self.model(inputs)
        self.measure(outputs, targets)
        return {"val_loss": self.loss(outputs, targets).item()}

    def measure(self, outputs: Any, targets: Any) -> None:
        """Show every metric a batch."""
        for metric in self.metrics.values():
            metric.update(outputs, targets)

    def train_epoch(self) -> Metrics:
        self.prepare()
        self.model.train()
        return super().train_epoch()

    def evaluate(self) -> Metrics:
        self.prepare()
        self.model.eval()
        for metric in self.metrics.values():
            metric.reset()
        with torch.inference_mode():
            found = super().evaluate()
        for name, metric in self.metrics.items():
            value = metric.compute()
            # A metric may have several numbers, each with its name.
            values = value if isinstance(value, Mapping) else {name: value}
            found |= {f"val_{key}": float(each) for key, each in values.items()}
        return found

    def end_epoch(self, metrics: Metrics) -> None:
        if self.scheduler is not None:
            self.scheduler.step()
        if self.checkpoint is not None:
            self.checkpoint.save({"epoch": self.epoch, "model": self.model.state_dict()}, metrics)

    def log(self, metrics: Metrics) -> None:
        if self.logger is not None:
            self.logger.log(metrics)


def find_device(config: Config) -> torch.device:
    """The config's `device`: a name of torch's, or `auto`.

    Raises:
        ComponentError: There is no such device here.
    """
    name = str(config.get("device", "cpu"))
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as exc:
        raise config.problem("device", f"this machine has no {name!r}; write cpu, or auto.") from exc
    return device
