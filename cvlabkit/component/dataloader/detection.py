"""Batches for detection: images are stacked, targets stay a list, for each has as many boxes as it has."""

from __future__ import annotations

from typing import Any

import torch

from cvlabkit.component.dataloader.basic import Basic


class Detection(Basic):
    """`basic`, but for how samples become a batch."""

    @staticmethod
    def collate(samples: list[Any]) -> Any:
        """The images as one tensor, and the list of targets."""
        images, targets = zip(*samples, strict=True)
        return torch.stack(images), list(targets)
