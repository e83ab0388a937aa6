"""One line per epoch, for people."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from cvlabkit.component.base import Logger
from cvlabkit.core.config import Config


class Console(Logger):
    """Writes to standard error, which a worker sends on as the run's log."""

    def __init__(self, cfg: Config) -> None:
        self.epochs = cfg.whole_number("epochs", default=1)

    def log(self, metrics: Mapping[str, float]) -> None:
        """Write an epoch's numbers."""
        numbers = [f"{name} {value:.4f}" for name, value in metrics.items() if name not in {"epoch", "step"}]
        sys.stderr.write(f"epoch {metrics['epoch']}/{self.epochs}  {'  '.join(numbers)}\n")
        sys.stderr.flush()
