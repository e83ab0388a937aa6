"""Whether an annotation in our own schema makes sense on its image."""

from __future__ import annotations

from typing import Any

from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.reading import sound_box
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes import fitting
from synapse_sdk.wire.annotations import AnnotationShape

_HUGE = (float("inf"), float("inf"))
_SHAPES = frozenset(AnnotationShape)


def sound_annotation(annotation: dict[str, Any], size: tuple[int, int] | None) -> tuple[dict[str, Any], fitting.Notes]:
    """The annotation with its geometry inside the image, and what was cut.

    Raises:
        UnfitError: It has no class, an unknown shape, or geometry that makes no sense.
    """
    notes: fitting.Notes = []
    sound = dict(annotation)
    if not isinstance(sound.get("category"), str) or not sound["category"]:
        raise UnfitError(LossCode.UNKNOWN_CLASS, "an annotation has no category")
    if sound.setdefault("type", "bbox") not in _SHAPES:
        raise UnfitError(LossCode.GEOMETRY_UNSUPPORTED, f"there is no shape {sound['type']!r}")
    if sound.get("bbox") is not None:
        # A turned box may reach beyond: cutting it would change its angle or its centre.
        sound["bbox"], cut = sound_box(sound["bbox"], None if sound.get("rotation") else size)
        notes += [(LossCode.CLIPPED, cut)] if cut else []
    segmentation = sound.get("segmentation")
    if isinstance(segmentation, dict):
        fitting.fit_mask(segmentation, size or tuple(reversed(segmentation["size"])))
    elif segmentation and sound["type"] != AnnotationShape.POLYLINE:
        sound["segmentation"] = fitting.fit_parts(segmentation, size or _HUGE, notes)
    if points := sound.get("keypoints"):
        sound["keypoints"] = fitting.fit_keypoints(sound, len(points) // 3, size or _HUGE, notes)
    return sound, notes
