"""One row of a YOLO label file, as numbers and as our annotation."""

from __future__ import annotations

import math
from typing import Any

from synapse_sdk.utils.converters.formats import YoloTask
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes import geometry

# Corners of a turned box come as text of six digits: a rectangle is one as far as that text can say.
_CORNER_TOLERANCE = 0.05
_UPRIGHT_DEGREES = 1e-3

Size = tuple[int, int]


def parse_row(line: str) -> tuple[int, list[float]]:
    """Class number and values.

    Raises:
        UnfitError: The row is not made of a whole number and finite numbers.
    """
    texts = line.split()
    try:
        number = float(texts[0])
        values = [float(text) for text in texts[1:]]
    except ValueError as exc:
        raise UnfitError(LossCode.INVALID_GEOMETRY, f"a value is no number: {exc}") from exc
    if not number.is_integer() or number < 0:
        raise UnfitError(LossCode.UNKNOWN_CLASS, f"the class {texts[0]} is no whole number of 0 or more")
    if not geometry.are_finite(values):
        raise UnfitError(LossCode.INVALID_GEOMETRY, "a value is no finite number")
    return int(number), values


def fits_task(count: int, task: YoloTask, shape: tuple[int, int] | None) -> bool:
    """Whether a row of so many values behind its class is one of the task's."""
    if task is YoloTask.DETECT:
        return count == 4
    if task is YoloTask.OBB:
        return count == 8
    if task is YoloTask.POSE:
        return shape is not None and count == 4 + shape[0] * shape[1]
    return count >= 6 and count % 2 == 0


def row_annotation(
    values: list[float], task: YoloTask | None, shape: tuple[int, int] | None, size: Size
) -> dict[str, Any]:
    """Geometry in pixels; without a task, a row of four values is a box and a longer one a polygon.

    Raises:
        UnfitError: The number of values fits nothing.
    """
    if shape and fits_task(len(values), YoloTask.POSE, shape):
        return {**_box(values[:4], size), "type": "keypoints", "keypoints": _keypoints(values[4:], shape[1], size)}
    if len(values) in (4, 5):
        # A fifth value is the confidence that a trainer writes with its predictions.
        return _box(values, size) | ({"score": values[4]} if len(values) == 5 else {})
    if len(values) < 6 or len(values) % 2:
        message = f"{len(values)} values are no box (4), polygon (even, 6 or more) or keypoints"
        raise UnfitError(LossCode.INVALID_GEOMETRY, message)
    points = [value * size[i % 2] for i, value in enumerate(values)]
    if task is YoloTask.OBB and len(points) == 8:
        return _turned_box(points)
    return _polygon(points)


def _box(values: list[float], size: Size) -> dict[str, Any]:
    x, y, w, h = values[:4]
    width, height = size
    corner = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
    return {"type": "bbox", "bbox": [round(value, 3) for value in corner]}


def _polygon(points: list[float]) -> dict[str, Any]:
    return {"type": "polygon", "segmentation": [[round(value, 3) for value in points]]}


def _keypoints(values: list[float], dimensions: int, size: Size) -> list[float]:
    points: list[float] = []
    for i in range(0, len(values), dimensions):
        x, y = round(values[i] * size[0], 3), round(values[i + 1] * size[1], 3)
        visible = int(values[i + 2]) if dimensions == 3 else 2 * bool(x or y)
        points += [x, y, visible] if visible else [0, 0, 0]
    return points


def _turned_box(corners: list[float]) -> dict[str, Any]:
    turned = geometry.corners_rotated(corners, _CORNER_TOLERANCE)
    if turned is None:
        return _polygon(corners)
    box, degrees = [round(value, 3) for value in turned[0]], round(turned[1], 4)
    if math.isclose(degrees % 360, 0, abs_tol=_UPRIGHT_DEGREES) or degrees > 360 - _UPRIGHT_DEGREES:
        return {"type": "bbox", "bbox": box}
    return {"type": "rotated_bbox", "bbox": box, "rotation": degrees}
