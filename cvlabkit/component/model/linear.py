"""Scores that are linear in the pixels."""

from __future__ import annotations

import torch
from torch import nn

from cvlabkit.component.base import Model
from cvlabkit.core.config import Config


class Linear(Model, nn.Module):
    """Class scores of an image, by one matrix and a bias."""

    def __init__(self, cfg: Config, *, inputs: int = 64, classes: int = 10) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layer(images.flatten(1))
        return scores

    @torch.no_grad()
    def set_weights(self, weights: torch.Tensor) -> None:
        """Take what a solver found: one row per input, and the bias in the last one."""
        self.layer.weight.copy_(weights[:-1].T)
        self.layer.bias.copy_(weights[-1])
