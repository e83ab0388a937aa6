"""The loss of objects as points: a focal loss on the heat map (Law and Deng 2018), L1 on offsets and sizes."""

from __future__ import annotations

import torch
from torch.nn import functional

from cvlabkit.component.base import Loss
from cvlabkit.core.config import Config

ALPHA, BETA = 2, 4


class CenterPoints(Loss):
    """For models like `center_net`.

    Args:
        cfg: The config.
        stride: Pixels of a cell.
        size_weight: How much sizes count beside the heat map.
    """

    def __init__(self, cfg: Config, *, stride: int = 4, size_weight: float = 0.5) -> None:
        self.stride = stride
        self.size_weight = size_weight

    def __call__(self, outputs: dict[str, torch.Tensor], targets: list[dict[str, torch.Tensor]]) -> torch.Tensor:
        heat = torch.zeros_like(outputs["heatmap"])
        distances = []
        for image, target in enumerate(targets):
            boxes = target["boxes"] / self.stride
            centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
            cells = centres.long()
            paint_peaks(heat[image], cells, sizes, target["labels"])
            x, y = cells.unbind(1)
            offset_errors = (outputs["offset"][image, :, y, x].T - (centres - cells)).abs().sum(1)
            size_errors = (outputs["size"][image, :, y, x].T - sizes).abs().sum(1)
            distances.append(offset_errors + self.size_weight * size_errors)
        count = max(1, sum(len(each) for each in distances))
        return (heat_loss(outputs["heatmap"], heat) + torch.cat(distances).sum()) / count


def paint_peaks(heat: torch.Tensor, cells: torch.Tensor, sizes: torch.Tensor, labels: torch.Tensor) -> None:
    """A peak of height 1 at each centre, as wide as a sixth of the object, on its class's map."""
    y, x = torch.meshgrid(*[torch.arange(side, device=heat.device) for side in heat.shape[1:]], indexing="ij")
    for cell, size, label in zip(cells, sizes, labels, strict=True):
        spread = (size.max() / 6).clamp(min=0.5)
        peak = torch.exp(-((x - cell[0]) ** 2 + (y - cell[1]) ** 2) / (2 * spread**2))
        heat[label] = torch.maximum(heat[label], peak)


def heat_loss(logits: torch.Tensor, heat: torch.Tensor) -> torch.Tensor:
    """The sum over all cells; near a peak, a cell that says yes is forgiven the more the nearer it is."""
    probability = logits.sigmoid()
    is_peak = heat == 1
    found = (1 - probability) ** ALPHA * functional.logsigmoid(logits)
    empty = (1 - heat) ** BETA * probability**ALPHA * functional.logsigmoid(-logits)
    return -torch.where(is_peak, found, empty).sum()
