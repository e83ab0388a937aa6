"""Annotations as a thumbnail shows them: whole pixels, few points, and never more than a picture can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from synapse_sdk.wire.annotations import AnnotationShape

MAX_OUTLINES = 60
MAX_POINTS = 32
MAX_POLYGONS = 8

JsonObject = dict[str, Any]


def outlines_of(text: str | None) -> tuple[int, list[JsonObject]]:
    """How many annotations there are, and the outlines of the first of them (`wire.labelling.Outline`)."""
    if text is None:
        return 0, []
    annotations = msgspec.json.decode(text).get("annotations") or []
    return len(annotations), [outline_of(annotation) for annotation in annotations[:MAX_OUTLINES]]


def outline_of(annotation: JsonObject) -> JsonObject:
    """One annotation's outline; parts that it does not have are left out."""
    outline: JsonObject = {
        "category": annotation["category"],
        "shape": annotation.get("type", AnnotationShape.BBOX),
    }
    segmentation = annotation.get("segmentation")
    if annotation.get("bbox"):
        outline["bbox"] = whole(annotation["bbox"])
    if isinstance(segmentation, list):
        outline["polygons"] = [thinned(polygon) for polygon in segmentation[:MAX_POLYGONS]]
    elif segmentation and "bbox" not in outline:
        outline["bbox"] = box_of_runs(segmentation)
    if annotation.get("keypoints"):
        outline["keypoints"] = whole(present(annotation["keypoints"]))
    return outline


def whole(numbers: Sequence[float]) -> list[int]:
    """Rounded to pixels."""
    return [round(number) for number in numbers]


def thinned(polygon: Sequence[float]) -> list[int]:
    """Every so many-th point, so that at most `MAX_POINTS` are left."""
    points = list(zip(polygon[::2], polygon[1::2], strict=False))
    step = -(-len(points) // MAX_POINTS) or 1
    return whole([number for point in points[::step] for number in point])


def present(keypoints: Sequence[float]) -> list[float]:
    """The places of keypoints that are there: `[x, y, v]` triples without those whose v is 0."""
    triples = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=False)
    return [number for x, y, seen in triples if seen for number in (x, y)]


def box_of_runs(mask: JsonObject) -> list[int] | None:
    """The box around a mask of plain run lengths; compressed ones are decoded by who shows them whole."""
    counts, (height, _) = mask["counts"], mask["size"]
    if isinstance(counts, str) or height <= 0:
        return None
    lefts, tops, rights, bottoms, position = [], [], [], [], 0
    for index, count in enumerate(counts):
        if index % 2 and count:
            first, last = position, position + count - 1
            is_one_column = first // height == last // height
            lefts.append(first // height)
            rights.append(last // height)
            tops.append(first % height if is_one_column else 0)
            bottoms.append(last % height if is_one_column else height - 1)
        position += count
    if not lefts:
        return None
    return [min(lefts), min(tops), max(rights) - min(lefts) + 1, max(bottoms) - min(tops) + 1]
