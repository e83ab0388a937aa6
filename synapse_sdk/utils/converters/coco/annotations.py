"""One COCO annotation as ours: what is unsound is left out and said, the rest is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse_sdk.utils.converters.coco.records import CocoAnnotation, CocoCategory
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.reading import sound_box
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes import fitting, geometry, rle
from synapse_sdk.utils.converters.shapes.fitting import Notes

_HUGE = (float("inf"), float("inf"))


def read_annotation(
    found: CocoAnnotation, categories: Mapping[int | str, CocoCategory], size: tuple[int, int] | None
) -> tuple[dict[str, Any], Notes]:
    """Our annotation, and what had to be changed or left out.

    Raises:
        UnfitError: Nothing sound is left, or the class is unknown.
    """
    notes: Notes = []
    category = categories.get(found.category_id)
    if category is None:
        raise UnfitError(LossCode.UNKNOWN_CLASS, f"{_name(found)} has the unknown category {found.category_id}")
    annotation: dict[str, Any] = {"type": "bbox", "category": category.name}
    if found.id is not None:
        annotation["id"] = found.id
    segmentation = _segmentation(found, size, notes)
    keypoints = _keypoints(found, category, size, notes)
    box = _box(found, size, notes, required=segmentation is None and keypoints is None)
    annotation |= {"bbox": box} if box else {}
    if segmentation is not None:
        annotation["type"] = "mask" if isinstance(segmentation, dict) else "polygon"
        annotation["segmentation"] = segmentation
    if keypoints is not None:
        annotation |= {"type": "keypoints", "keypoints": keypoints}
    annotation |= _extras(found, box, segmentation)
    return annotation, notes


def _segmentation(found: CocoAnnotation, size: tuple[int, int] | None, notes: Notes) -> Any:
    segmentation = found.segmentation
    if not segmentation:
        return None
    try:
        if isinstance(segmentation, dict):
            height, width = segmentation["size"]
            return fitting.fit_mask(segmentation, size or (width, height))[0]
        parts = segmentation if isinstance(segmentation[0], list) else [segmentation]
        usable = [part for part in parts if len(part) >= 6 and len(part) % 2 == 0]
        if len(usable) < len(parts):
            message = f"{_name(found)}: {len(parts) - len(usable)} polygon parts are none (even, 6 numbers or more)"
            notes.append((LossCode.INVALID_GEOMETRY, message))
        return fitting.fit_parts(usable, size or _HUGE, notes) if usable else None
    except UnfitError as exc:
        notes.append((exc.code, f"{_name(found)}: {exc}"))
    except (TypeError, ValueError, KeyError) as exc:
        notes.append((LossCode.INVALID_GEOMETRY, f"{_name(found)}: its segmentation cannot be read ({exc})"))
    return None


def _keypoints(
    found: CocoAnnotation, category: CocoCategory, size: tuple[int, int] | None, notes: Notes
) -> list[float] | None:
    points = found.keypoints
    if not points or not any(points[2::3]):
        return None
    expected = len(category.keypoints or ()) or len(points) // 3
    try:
        return fitting.fit_keypoints({"keypoints": points}, expected, size or _HUGE, notes)
    except UnfitError as exc:
        notes.append((exc.code, f"{_name(found)}: {exc}"))
        return None


def _box(
    found: CocoAnnotation, size: tuple[int, int] | None, notes: Notes, *, required: bool
) -> list[float] | None:  # fmt: skip
    try:
        box, cut = sound_box(found.bbox or (), size)
    except UnfitError as exc:
        if required:
            raise UnfitError(exc.code, f"{_name(found)}: {exc}") from exc
        if found.bbox:
            notes.append((exc.code, f"{_name(found)}: {exc}"))
        return None
    if cut:
        notes.append((LossCode.CLIPPED, f"{_name(found)}: {cut}"))
    return box


def _extras(found: CocoAnnotation, box: list[float] | None, segmentation: Any) -> dict[str, Any]:
    """What says more than the geometry does."""
    extras: dict[str, Any] = {}
    if found.iscrowd:
        extras["iscrowd"] = 1
    if found.area and abs(found.area - _computed_area(box, segmentation)) > 1e-6 * found.area:
        extras["area"] = found.area
    if found.attributes:
        extras["attributes"] = found.attributes
    if found.score is not None:
        extras["score"] = found.score
    return extras


def _computed_area(box: list[float] | None, segmentation: Any) -> float:
    if isinstance(segmentation, dict):
        return rle.runs_area(rle.runs_of(segmentation))
    if segmentation:
        return sum(geometry.polygon_area(part) for part in segmentation)
    return box[2] * box[3] if box else 0.0


def _name(found: CocoAnnotation) -> str:
    return f"annotation {found.id}" if found.id is not None else "an annotation"
