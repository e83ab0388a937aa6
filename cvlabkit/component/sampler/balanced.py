"""As many samples of one class as of another, however many there are of each."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils import data

from cvlabkit.component.base import Sampler
from cvlabkit.core.config import Config


class Balanced(Sampler):
    """Draws with replacement, each class equally often; an epoch is as long as the data set.

    Args:
        cfg: The config.
        dataset: Has the class of each sample in `targets`.
    """

    def __init__(self, cfg: Config, dataset: Any) -> None:
        targets = torch.as_tensor(dataset.targets)
        weights = 1.0 / targets.bincount().clamp(min=1)[targets]
        self.sampler = data.WeightedRandomSampler(weights.tolist(), len(targets))
