"""Cross entropy of class scores."""

from __future__ import annotations

from torch import nn

from cvlabkit.component.base import Loss
from cvlabkit.core.config import Config


class CrossEntropy(Loss):
    """The negative log likelihood of the right class, on average."""

    def __init__(self, cfg: Config) -> None:
        self.loss = nn.CrossEntropyLoss()
