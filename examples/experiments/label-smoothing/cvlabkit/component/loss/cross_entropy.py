"""Cross entropy of class scores, with smoothed labels (Szegedy et al. 2016): a second version of the kit's own."""

from __future__ import annotations

from torch import nn

from cvlabkit.component.base import Loss
from cvlabkit.core.config import Config


class CrossEntropy(Loss):
    """The negative log likelihood, of which the wrong classes have a small share.

    Args:
        cfg: The config.
        label_smoothing: That share.
    """

    def __init__(self, cfg: Config, *, label_smoothing: float = 0.1) -> None:
        self.loss = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
