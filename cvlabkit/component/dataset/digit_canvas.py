"""Digits here and there on a larger canvas: a small data set for detection, always the same for a split."""

from __future__ import annotations

import random
from collections.abc import Callable

import torch

from cvlabkit.component.base import Dataset
from cvlabkit.component.dataset.digits import read_digits
from cvlabkit.core.config import Config

Sample = tuple[torch.Tensor, dict[str, torch.Tensor]]
SIDE = 8
_PLACES_TO_TRY = 20


class DigitCanvas(Dataset):
    """Images of 1 x size x size, each with one to `objects` digits, 8 to 16 pixels large, that do not overlap.

    Args:
        cfg: The config.
        transform: Changes an image each time that it is taken; it must leave things where they are.
        split: Whose digits are used, `train` or `val`.
        samples: How many images.
        size: The canvas, in pixels.
        objects: The most digits of an image.
        classes: 10 tells all digits apart, 2 even from odd, 1 none.
    """

    def __init__(
        self,
        cfg: Config,
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
        *,
        split: str,
        samples: int = 256,
        size: int = 48,
        objects: int = 3,
        classes: int = 10,
    ) -> None:
        self.transform = transform
        images, digits = read_digits(split)
        labels = digits % classes
        # A generator of its own: the data is the same whatever the run's seed.
        draw = random.Random(split)  # noqa: S311 - nothing secret is drawn
        self.samples = [_paint(draw, images, labels, size=size, objects=objects) for _ in range(samples)]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        image, target = self.samples[index]
        return (image if self.transform is None else self.transform(image)), target


def _paint(draw: random.Random, images: torch.Tensor, labels: torch.Tensor, *, size: int, objects: int) -> Sample:
    canvas = torch.zeros(1, size, size)
    boxes: list[tuple[int, int, int, int]] = []
    chosen: list[int] = []
    for _ in range(draw.randint(1, objects)):
        place = _find_place(draw, boxes, size)
        if place is None:
            continue
        x1, y1, x2, y2 = place
        digit = draw.randrange(len(labels))
        image = images[digit].unsqueeze(0)
        canvas[:, y1:y2, x1:x2] = torch.nn.functional.interpolate(image, size=(y2 - y1, x2 - x1), mode="nearest")[0]
        boxes.append(place)
        chosen.append(int(labels[digit]))
    target = {"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": torch.tensor(chosen, dtype=torch.int64)}
    return canvas, target


def _find_place(
    draw: random.Random, others: list[tuple[int, int, int, int]], size: int
) -> tuple[int, int, int, int] | None:
    for _ in range(_PLACES_TO_TRY):
        side = draw.randint(SIDE, 2 * SIDE)
        x, y = draw.randint(0, size - side), draw.randint(0, size - side)
        box = (x, y, x + side, y + side)
        if all(x >= other[2] or box[2] <= other[0] or y >= other[3] or box[3] <= other[1] for other in others):
            return box
    return None
