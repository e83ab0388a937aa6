"""Augmentation: the image somewhat to a side."""

from __future__ import annotations

import torch

from cvlabkit.component.base import Transform
from cvlabkit.core.config import Config


class RandomShift(Transform):
    """Moves an image by up to so many pixels, each way; what comes in from outside is 0."""

    def __init__(self, cfg: Config, *, pixels: int = 1) -> None:
        self.pixels = pixels

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[-2:]
        padded = torch.nn.functional.pad(image, [self.pixels] * 4)
        y, x = torch.randint(2 * self.pixels + 1, (2,)).tolist()
        return padded[..., y : y + height, x : x + width]
