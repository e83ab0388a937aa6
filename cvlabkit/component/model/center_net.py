"""Objects as points (CenterNet, Zhou et al. 2019): a heat map of centres per class, with offset and size at each."""

from __future__ import annotations

import torch
from torch import nn

from cvlabkit.component.base import Model
from cvlabkit.core.config import Config

# Two convolutions of stride 2.
STRIDE = 4


class CenterNet(Model, nn.Module):
    """Detections of a grey image whose sides are multiples of 4.

    Args:
        cfg: The config.
        channels: Of the first convolution.
        classes: Kinds of objects.
        detections: The most that one image may have.
    """

    def __init__(self, cfg: Config, *, channels: int = 16, classes: int = 10, detections: int = 20) -> None:
        super().__init__()
        self.detections = detections
        wide = 2 * channels
        self.body = nn.Sequential(
            nn.Conv2d(1, channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, wide, 3, stride=2, padding=1),
            nn.ReLU(),
            *[layer for _ in range(2) for layer in (nn.Conv2d(wide, wide, 3, padding=1), nn.ReLU())],
        )
        self.heatmap = nn.Conv2d(wide, classes, 1)
        self.box = nn.Conv2d(wide, 4, 1)
        # Centres are rare: begin with 1 in 10, so that the empty cells do not drown the others.
        assert self.heatmap.bias is not None
        nn.init.constant_(self.heatmap.bias, -2.19)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Logits per class and cell, and per cell the centre's offset and the size, in cells."""
        features = self.body(images)
        box = self.box(features)
        return {"heatmap": self.heatmap(features), "offset": box[:, :2], "size": box[:, 2:]}

    def decode(self, outputs: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        """The peaks of the heat map as boxes, the best first."""
        heat = outputs["heatmap"].sigmoid()
        is_peak = heat == nn.functional.max_pool2d(heat, 3, stride=1, padding=1)
        width = heat.shape[-1]
        cells = heat.shape[-2] * width
        count = min(self.detections, heat[0].numel())
        scores, places = (heat * is_peak).flatten(1).topk(count)
        cell = places % cells
        centres = torch.stack([cell % width, cell // width], dim=-1) + _at(outputs["offset"], cell)
        sizes = _at(outputs["size"], cell).clamp(min=0)
        boxes = torch.cat([centres - sizes / 2, centres + sizes / 2], dim=-1) * STRIDE
        labels = places // cells
        return [
            {"boxes": boxes[image], "scores": scores[image], "labels": labels[image]} for image in range(len(scores))
        ]


def _at(values: torch.Tensor, cell: torch.Tensor) -> torch.Tensor:
    """Two numbers of each cell: batch x cells x 2."""
    return values.flatten(2).gather(2, cell.unsqueeze(1).expand(-1, 2, -1)).transpose(1, 2)
