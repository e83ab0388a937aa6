"""One annotation's geometry as a format wants it: kept, converted by convention, or refused with the reason.

Every function takes the annotation and the size of its image, appends `(code, message)` to `notes` when something was
lost on the way, and raises `UnfitError` when nothing sensible is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes import geometry, rle

Annotation = dict[str, Any]
Notes = list[tuple[LossCode, str]]
Size = tuple[float, float]

# Labels of the whole image, and open lines: no format of boxes, masks and points has a place for them.
_WITHOUT_SURFACE = frozenset({"classification", "polyline"})
_RICHER_THAN_BOX = {"segmentation": "outline", "rotation": "rotation", "keypoints": "keypoints"}

OUTLINE_REDUCED = (LossCode.GEOMETRY_REDUCED, "only the upright box around it is kept, not the outline")


def note_reduction_to_box(annotation: Annotation, notes: Notes) -> None:
    """Report what a format of upright boxes leaves out of an annotation's geometry."""
    lost = [word for key, word in _RICHER_THAN_BOX.items() if annotation.get(key)]
    if lost:
        notes.append((LossCode.GEOMETRY_REDUCED, f"only the upright box around it is kept, not the {', '.join(lost)}"))


def refuse_without_surface(annotation: Annotation) -> None:
    """Refuse a label of the whole image and an open line."""
    kind = annotation.get("type")
    if kind in _WITHOUT_SURFACE:
        raise UnfitError(LossCode.GEOMETRY_UNSUPPORTED, f"the format has no place for a {kind}")


def is_rotated(annotation: Annotation) -> bool:
    return bool(annotation.get("rotation")) and bool(annotation.get("bbox"))


def fit_box(annotation: Annotation, size: Size, notes: Notes) -> geometry.Box:
    """The upright box: the annotation's own, or the one around its other geometry, inside the image."""
    box = annotation.get("bbox")
    if box and not annotation.get("rotation"):
        x, y, w, h = box
        if x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= size[0] and y + h <= size[1]:
            return [x, y, w, h]
        return _inside(_checked(box), size, notes)
    return _inside(_surrounding_box(annotation), size, notes)


def _surrounding_box(annotation: Annotation) -> geometry.Box:
    if is_rotated(annotation):
        return geometry.points_box(
            geometry.rotated_corners(_checked(annotation["bbox"]), _finite(annotation["rotation"]))
        )
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, dict):
        return rle.runs_box(mask_runs(segmentation), segmentation["size"][0])
    if segmentation:
        return geometry.parts_box([_checked(part) for part in segmentation])
    points = visible_points(annotation)
    if points:
        return geometry.points_box(_checked(points))
    raise UnfitError(LossCode.INVALID_GEOMETRY, "it has no geometry")


def _inside(box: geometry.Box, size: Size, notes: Notes) -> geometry.Box:
    """Clip to the image, and say so where it can be seen."""
    if box[2] <= 0 or box[3] <= 0:
        raise UnfitError(LossCode.ZERO_AREA, f"the box {geometry.text_of(box)} has no area")
    over = geometry.overhang(box, *size)
    if over == 0:
        return box
    clipped = geometry.clip_box(box, *size)
    if clipped[2] <= 0 or clipped[3] <= 0:
        raise UnfitError(
            LossCode.OUTSIDE_IMAGE, f"the box {geometry.text_of(box)} lies outside the image ({size[0]} x {size[1]})"
        )
    if over > geometry.EPSILON:
        notes.append(
            (LossCode.CLIPPED, f"the box {geometry.text_of(box)} reached {over:.2f} px beyond the image and was cut")
        )
    return clipped


def fit_parts(parts: Sequence[Sequence[float]], size: Size, notes: Notes) -> list[geometry.Polygon]:
    """Polygons of at least three points each, moved onto the image's edge where they reach beyond."""
    fitted: list[geometry.Polygon] = []
    width, height = size
    for part in parts:
        if len(part) < 6 or len(part) % 2:
            raise UnfitError(LossCode.INVALID_GEOMETRY, f"a polygon of {len(part)} numbers is none (even, 6 or more)")
        if not geometry.are_finite(part):
            raise UnfitError(LossCode.INVALID_GEOMETRY, "a polygon has a point that is no number")
        if min(part) < 0 or max(part[0::2]) > width or max(part[1::2]) > height:
            fitted.append(_clamped(part, size, notes))
        else:
            fitted.append(list(part))
    if not fitted:
        raise UnfitError(LossCode.INVALID_GEOMETRY, "the polygon has no points")
    return fitted


def _clamped(part: Sequence[float], size: Size, notes: Notes) -> geometry.Polygon:
    over = geometry.overhang(geometry.points_box(part), *size)
    clamped = geometry.clamp_points(part, *size)
    _, _, w, h = geometry.points_box(clamped)
    if w <= 0 or h <= 0:
        raise UnfitError(LossCode.OUTSIDE_IMAGE, f"a polygon lies outside the image ({size[0]} x {size[1]})")
    if over > geometry.EPSILON:
        notes.append((LossCode.CLIPPED, f"a polygon reached {over:.2f} px beyond the image and was moved to its edge"))
    return clamped


def fit_mask(mask: dict[str, Any], size: Size) -> tuple[dict[str, Any], list[int]]:
    """A run-length mask and its runs; its size must be that of the image."""
    height, width = mask["size"]
    if (width, height) != tuple(size):
        raise UnfitError(
            LossCode.INVALID_GEOMETRY, f"the mask is {width} x {height}, its image {size[0]} x {size[1]} pixels"
        )
    runs = mask_runs(mask)
    if not rle.runs_area(runs):
        raise UnfitError(LossCode.ZERO_AREA, "the mask is empty")
    return {"size": [height, width], "counts": mask["counts"]}, runs


def mask_runs(mask: dict[str, Any]) -> list[int]:
    try:
        return rle.runs_of(mask)
    except (ValueError, TypeError, KeyError) as exc:
        raise UnfitError(LossCode.INVALID_GEOMETRY, f"the mask is broken: {exc}") from exc


def fit_outline(annotation: Annotation, size: Size, notes: Notes) -> list[geometry.Polygon] | dict[str, Any]:
    """Polygons or mask of the object; a box, turned or not, becomes its four corners."""
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, dict):
        return fit_mask(segmentation, size)[0]
    if segmentation:
        return fit_parts(segmentation, size, notes)
    if is_rotated(annotation):
        corners = geometry.rotated_corners(_checked(annotation["bbox"]), _finite(annotation["rotation"]))
        return fit_parts([corners], size, notes)
    if not annotation.get("bbox"):
        notes.append((LossCode.GEOMETRY_REDUCED, "the outline is the box around the points"))
    return [geometry.box_polygon(fit_box(annotation, size, notes))]


def visible_points(annotation: Annotation) -> list[float]:
    """Keypoints that are labelled, flat and without their visibility."""
    points = annotation.get("keypoints") or ()
    return [value for i in range(0, len(points) - 2, 3) if points[i + 2] for value in points[i : i + 2]]


def fit_keypoints(annotation: Annotation, count: int, size: Size, notes: Notes) -> list[float]:
    """`count` triples; all absent when the annotation has none."""
    points = annotation.get("keypoints")
    if not points:
        return [0] * (3 * count)
    if len(points) != 3 * count:
        raise UnfitError(
            LossCode.KEYPOINTS_MISMATCH, f"it has {len(points) / 3:g} keypoints, its class {count} in this data set"
        )
    if not geometry.are_finite(points) or any(v not in (0, 1, 2) for v in points[2::3]):
        raise UnfitError(LossCode.INVALID_GEOMETRY, "a keypoint is no number, or its visibility is none of 0, 1, 2")
    fitted: list[float] = []
    for i in range(0, len(points), 3):
        x, y, v = points[i : i + 3]
        if v and geometry.overhang([x, y, 0, 0], *size) > geometry.EPSILON:
            notes.append((LossCode.CLIPPED, f"keypoint {i // 3 + 1} lay beyond the image and was moved to its edge"))
        fitted += [*(geometry.clamp_points([x, y], *size) if v else (0, 0)), v]
    return fitted


def _checked(values: Sequence[float]) -> list[float]:
    if not values or not geometry.are_finite(values):
        raise UnfitError(LossCode.INVALID_GEOMETRY, f"{geometry.text_of(values)} is not made of finite numbers")
    return list(values)


def _finite(value: float) -> float:
    return _checked([value])[0]
