"""Two convolutions and a linear layer."""

from __future__ import annotations

import torch
from torch import nn

from cvlabkit.component.base import Model
from cvlabkit.core.config import Config


class SmallCnn(Model, nn.Module):
    """Class scores of a grey image. Strides stand for pooling, whose gradients on CUDA differ between runs.

    Args:
        cfg: The config.
        channels: Of the first convolution; the second has twice as many.
        side: Pixels of the image's sides; even.
        classes: Scores to give.
    """

    def __init__(self, cfg: Config, *, channels: int = 16, side: int = 8, classes: int = 10) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * channels * (side // 2) ** 2, classes),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(images)
        return scores
