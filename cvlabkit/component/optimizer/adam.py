"""Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from cvlabkit.component.base import Optimizer
from cvlabkit.core.config import Config


class Adam(Optimizer):
    """torch's AdamW; without weight decay it is Adam."""

    def __init__(
        self, cfg: Config, parameters: Iterable[torch.nn.Parameter], *, lr: float = 1e-3, weight_decay: float = 0.0
    ) -> None:
        self.optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
