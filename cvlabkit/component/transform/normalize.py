"""Values around 0, of a spread around 1."""

from __future__ import annotations

import torch

from cvlabkit.component.base import Transform
from cvlabkit.core.config import Config


class Normalize(Transform):
    """Subtracts the mean and divides by the standard deviation, both of the data set."""

    def __init__(self, cfg: Config, *, mean: float, std: float) -> None:
        self.mean = mean
        self.std = std

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        return (image - self.mean) / self.std
