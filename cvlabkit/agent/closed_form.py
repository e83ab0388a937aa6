"""Fits a linear model in one pass, by a solver and without gradients: the baseline that a network must beat.

Needs `solver` in place of `loss` and `optimizer`; the rest is as for `classification`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from cvlabkit.agent.classification import Classification
from cvlabkit.core.agent import Metrics


class ClosedForm(Classification):
    """The solver sees all training data at once; one epoch is enough."""

    def setup_learning(self) -> None:
        self.solver = self.create.solver()
        self.scheduler = None
        self.batches: list[tuple[torch.Tensor, torch.Tensor]] = []

    def train_step(self, batch: Any) -> Mapping[str, float]:
        self.batches.append(self.to_device(batch))
        return {}

    def train_epoch(self) -> Metrics:
        self.batches = []
        metrics = super().train_epoch()
        inputs = torch.cat([inputs for inputs, _ in self.batches])
        targets = torch.cat([targets for _, targets in self.batches])
        self.model.set_weights(self.solver.solve(inputs.flatten(1), targets))
        return metrics

    def validate_step(self, batch: Any) -> Mapping[str, float]:
        inputs, targets = self.to_device(batch)
        self.measure(self.model(inputs), targets)
        return {}
