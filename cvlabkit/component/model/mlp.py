"""A perceptron with one hidden layer."""

from __future__ import annotations

import torch
from torch import nn

from cvlabkit.component.base import Model
from cvlabkit.core.config import Config


class Mlp(Model, nn.Module):
    """Class scores of an image.

    Args:
        cfg: The config.
        inputs: Numbers of an image.
        hidden: Neurons between.
        classes: Scores to give.
        dropout: The share of neurons that rest while training.
    """

    def __init__(
        self, cfg: Config, *, inputs: int = 64, hidden: int = 64, classes: int = 10, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(images)
        return scores
