"""Regions that differ from the background, as polygons in pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from skimage import color, filters, measure, morphology, segmentation

OUTLINE_TOLERANCE_PIXELS = 1.0
# Thinner than this is a scratch, and formats of whole pixels cannot carry it.
MIN_SIDE_PIXELS = 3
# A disc has eccentricity 0, a line 1; a region without dents has solidity 1.
ROUND_ECCENTRICITY, LONG_ECCENTRICITY, SMOOTH_SOLIDITY = 0.7, 0.93, 0.88


def find_objects(
    image: Any, category: str | None = None, *, min_area: int = 100, is_dark: bool = False
) -> list[dict[str, Any]]:
    """Annotations of an image, in the order of their regions.

    Args:
        image: Gray or colour, as scikit-image reads it.
        category: The class of all of them; each by its shape (`round`, `long`, `other`) when None.
        min_area: Smallest region, in square pixels.
        is_dark: Whether objects are darker than what is around them.
    """
    gray = image / 255.0 if image.ndim == 2 else color.rgb2gray(image[..., :3])
    smooth = filters.gaussian(gray, 1)
    local = filters.threshold_local(smooth, 101, offset=0.02 if is_dark else -0.02)
    mask = morphology.closing(smooth < local if is_dark else smooth > local, morphology.disk(3))
    regions = measure.regionprops(measure.label(segmentation.clear_border(mask)))
    found = [
        _outline(region, category or _shape(region))
        for region in regions
        if region.area >= min_area and min(region.image.shape) >= MIN_SIDE_PIXELS
    ]
    return [{"id": number, **annotation} for number, annotation in enumerate(found, 1)]


def _shape(region: Any) -> str:
    if region.eccentricity >= LONG_ECCENTRICITY:
        return "long"
    is_round = region.eccentricity <= ROUND_ECCENTRICITY and region.solidity >= SMOOTH_SOLIDITY
    return "round" if is_round else "other"


def _outline(region: Any, category: str) -> dict[str, Any]:
    top, left, bottom, right = region.bbox
    longest = max(measure.find_contours(np.pad(region.image, 1).astype(float), 0.5), key=len)
    ring = measure.approximate_polygon(longest, OUTLINE_TOLERANCE_PIXELS)[:-1]
    # Contours count from pixel centres of the padded mask; a pixel's edge is half a pixel before its centre.
    xs = np.clip(ring[:, 1] - 0.5 + left, left, right)
    ys = np.clip(ring[:, 0] - 0.5 + top, top, bottom)
    points = np.stack([xs, ys], axis=1).round(2).ravel().tolist()
    box = [float(left), float(top), float(right - left), float(bottom - top)]
    score = round(float(region.solidity), 4)
    return {"type": "polygon", "category": category, "bbox": box, "segmentation": [points], "score": score}
