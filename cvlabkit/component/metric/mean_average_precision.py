"""Mean average precision as COCO defines it, for objects of all areas, without crowds.

At IoU 0.50, 0.55 … 0.95, with 101 recall points and 100 detections per class and image, over the classes that occur.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvlabkit.component.base import Metric
from cvlabkit.core.config import Config

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MAX_DETECTIONS = 100

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass
class _OfClass:
    """What was seen of one class: each image's scores, best first, and at which thresholds each found an object."""

    objects: int = 0
    scores: list[Floats] = field(default_factory=list)
    hits: list[Flags] = field(default_factory=list)


class MeanAveragePrecision(Metric):
    """`map`, `map_50` and `map_75`, of `boxes` (x1, y1, x2, y2), `labels`, and `scores` where something was found."""

    def __init__(self, cfg: Config) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget every batch."""
        self.classes: dict[int, _OfClass] = defaultdict(_OfClass)

    def update(self, found: Sequence[Mapping[str, Any]], targets: Sequence[Mapping[str, Any]]) -> None:
        """Compare a batch, image by image."""
        for detections, target in zip(found, targets, strict=True):
            boxes, scores, labels = (_array(detections[name]) for name in ("boxes", "scores", "labels"))
            true_boxes, true_labels = _array(target["boxes"]), _array(target["labels"])
            for label in {*labels.tolist(), *true_labels.tolist()}:
                chosen = np.flatnonzero(labels == label)
                order = chosen[np.argsort(-scores[chosen], kind="stable")][:MAX_DETECTIONS]
                objects = true_boxes.reshape(-1, 4)[true_labels == label]
                of_class = self.classes[int(label)]
                of_class.objects += len(objects)
                of_class.scores.append(scores[order])
                of_class.hits.append(match(box_iou(boxes.reshape(-1, 4)[order], objects)))

    def compute(self) -> dict[str, float]:
        """The means over classes; not a number when there was no object at all."""
        each = [average_precision(of_class) for of_class in self.classes.values() if of_class.objects]
        mean = np.mean(each, axis=0) if each else np.full(len(THRESHOLDS), np.nan)
        return {"map": float(mean.mean()), "map_50": float(mean[0]), "map_75": float(mean[5])}


def box_iou(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union of every box with every other."""
    upper = np.maximum(boxes[:, None, :2], others[None, :, :2])
    lower = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.clip(lower - upper, 0, None), axis=2)
    areas, other_areas = (np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, others))
    union = areas[:, None] + other_areas[None, :] - shared
    overlaps: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlaps


def match(overlaps: Floats) -> Flags:
    """Which detections find an object, at each threshold: the best detection first, each object once."""
    hits = np.zeros((len(THRESHOLDS), overlaps.shape[0]), dtype=bool)
    for row, threshold in zip(hits, THRESHOLDS, strict=True):
        free = np.ones(overlaps.shape[1], dtype=bool)
        for detection, overlap in enumerate(overlaps):
            candidates = np.where(free & (overlap >= threshold), overlap, -1.0)
            if candidates.size and candidates.max() >= 0:
                # Of equally good objects COCO's own code takes the last.
                free[candidates.size - 1 - int(np.argmax(candidates[::-1]))] = False
                row[detection] = True
    return hits


def average_precision(of_class: _OfClass) -> Floats:
    """For each threshold, the mean of the highest precision at or beyond each recall."""
    order = np.argsort(-np.concatenate(of_class.scores), kind="stable")
    hits = np.concatenate(of_class.hits, axis=1)[:, order]
    found = np.cumsum(hits, axis=1)
    precision = found / np.arange(1, hits.shape[1] + 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    # A recall that is never reached has precision 0.
    padded = np.pad(precision, ((0, 0), (0, 1)))
    recall = found / of_class.objects
    return np.array([padded[row, np.searchsorted(recall[row], RECALLS)].mean() for row in range(len(THRESHOLDS))])


def _array(values: Any) -> Floats:
    cpu = values.cpu() if hasattr(values, "cpu") else values
    return np.asarray(cpu, dtype=np.float64)
