"""Learns to find objects: boxes with labels. What it needs is what `classification` needs.

A target is a mapping, `boxes` (x1, y1, x2, y2 in pixels, one row each) and `labels`. The model has a method `decode`
that turns its outputs into the same with `scores`.
"""

from __future__ import annotations

from typing import Any

from cvlabkit.agent.classification import Classification


class Detection(Classification):
    """Metrics compare decoded detections with the targets."""

    def to_device(self, batch: Any) -> Any:
        images, targets = batch
        moved = [{name: value.to(self.device) for name, value in target.items()} for target in targets]
        return images.to(self.device), moved

    def measure(self, outputs: Any, targets: Any) -> None:
        super().measure(self.model.decode(outputs), targets)
