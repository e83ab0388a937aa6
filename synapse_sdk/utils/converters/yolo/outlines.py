"""Outlines of a mask, for formats without masks; needs numpy and scikit-image, which the base install leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes.geometry import Polygon, polygon_area


def mask_outlines(runs: Sequence[int], size: tuple[int, int]) -> list[Polygon]:
    """The outer boundaries of a mask's parts, along the edges between pixels.

    Raises:
        UnfitError: The libraries are missing, or no outline encloses anything.
    """
    try:
        import numpy as np
        from skimage import measure
    except ImportError as exc:
        message = "turning a mask into an outline needs scikit-image (synapse-platform[demo])"
        raise UnfitError(LossCode.GEOMETRY_UNSUPPORTED, message) from exc
    width, height = size
    flat = np.repeat(np.arange(len(runs)) % 2, runs)
    mask = flat.reshape((width, height)).T.astype(bool)
    outlines: list[Polygon] = []
    regions: Any = measure  # Without types of its own.
    for part in regions.regionprops(regions.label(mask, connectivity=1)):
        # Each pixel becomes two by two, so that the contour runs along pixel edges; the frame closes it at the border.
        doubled = np.pad(part.image.repeat(2, axis=0).repeat(2, axis=1), 1)
        outer = max(
            regions.find_contours(doubled, 0.5), key=lambda contour: np.ptp(contour[:, 0]) * np.ptp(contour[:, 1])
        )
        top, left = part.bbox[:2]
        points = np.clip((outer[:-1, ::-1] - 0.5) / 2 + (left, top), 0, (width, height))
        outline = [float(value) for value in np.round(points, 2).ravel()]
        if len(outline) >= 6 and polygon_area(outline) > 0:
            outlines.append(outline)
    if not outlines:
        raise UnfitError(LossCode.ZERO_AREA, "the mask has no outline")
    return outlines
