"""The share of samples whose highest score is the right one."""

from __future__ import annotations

import torch

from cvlabkit.component.base import Metric
from cvlabkit.core.config import Config


class Accuracy(Metric):
    """Counted over all batches, so that a short last one weighs no more than it is."""

    def __init__(self, cfg: Config) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget every batch."""
        self.correct = self.total = 0

    def update(self, scores: torch.Tensor, targets: torch.Tensor) -> None:
        """Count a batch."""
        self.correct += int((scores.argmax(dim=1) == targets).sum())
        self.total += len(targets)

    def compute(self) -> float:
        """The share; not a number before the first batch."""
        return self.correct / self.total if self.total else float("nan")
