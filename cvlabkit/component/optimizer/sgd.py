"""Gradient descent."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from cvlabkit.component.base import Optimizer
from cvlabkit.core.config import Config


class Sgd(Optimizer):
    """torch's SGD, with momentum."""

    def __init__(
        self,
        cfg: Config,
        parameters: Iterable[torch.nn.Parameter],
        *,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        self.optimizer = torch.optim.SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay)
