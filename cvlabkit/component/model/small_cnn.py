"""Two convolutions and a linear layer."""

from __future__ import annotations

import torch
from torch import nn

from cvlabkit.component.base import Model
from cvlabkit.core.config import Config


class SmallCnn(Model, nn.Module):
    """Class scores of a grey image of any size.

    Args:
        cfg: The config.
        channels: Of the first convolution; the second has twice as many.
        classes: Scores to give.
    """

    def __init__(self, cfg: Config, *, channels: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(2),
            nn.Flatten(),
            nn.Linear(8 * channels, classes),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(images)
        return scores
