"""Focal loss (Lin et al. 2017): cross entropy that leaves what is easy aside."""

from __future__ import annotations

import torch
from torch.nn import functional

from cvlabkit.component.base import Loss
from cvlabkit.core.config import Config


class Focal(Loss):
    """Cross entropy, each sample weighted by `(1 - p) ** gamma`; with gamma 0 it is cross entropy."""

    def __init__(self, cfg: Config, *, gamma: float = 2.0) -> None:
        self.gamma = gamma

    def __call__(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        log_probability = -functional.cross_entropy(scores, targets, reduction="none")
        weight = (1 - log_probability.exp()) ** self.gamma
        return (-weight * log_probability).mean()
