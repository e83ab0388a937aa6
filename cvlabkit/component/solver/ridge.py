"""Ridge regression on class indicators."""

from __future__ import annotations

import torch

from cvlabkit.component.base import Solver
from cvlabkit.core.config import Config


class Ridge(Solver):
    """The weights with the least squared error, and not too large; the bias may be as large as it likes.

    Args:
        cfg: The config.
        classes: How many there are.
        penalty: What squared weights cost.
    """

    def __init__(self, cfg: Config, *, classes: int = 10, penalty: float = 1.0) -> None:
        self.classes = classes
        self.penalty = penalty

    def solve(self, features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """One row per feature and the bias last, one column per class."""
        inputs = torch.cat([features, features.new_ones(len(features), 1)], dim=1).double()
        wanted = torch.nn.functional.one_hot(targets, self.classes).double()
        cost = torch.full((inputs.shape[1],), self.penalty, dtype=torch.float64, device=inputs.device)
        cost[-1] = 0
        weights: torch.Tensor = torch.linalg.solve(inputs.T @ inputs + cost.diag(), inputs.T @ wanted)
        return weights.to(features.dtype)
