"""Round objects in a photograph: brighter than what is around them, and separated where they touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from skimage import color, feature, filters, measure, morphology, segmentation

# Photographs of cameras are larger than it takes to see a coin, and each pixel costs time.
LONGEST_SIDE_PIXELS = 900
# A disc fills pi/4 of its box and has eccentricity 0.
MAX_ECCENTRICITY, MIN_SOLIDITY = 0.75, 0.85
OUTLINE_COLOUR = (255, 40, 0)


@dataclass(frozen=True)
class Coin:
    """A round object, in pixels of the photograph."""

    x: float
    y: float
    diameter: float


def find_coins(image: Any, min_diameter: float = 20) -> list[Coin]:
    """The round objects of a photograph, from top to bottom."""
    step = max(1, round(max(image.shape[:2]) / LONGEST_SIDE_PIXELS))
    small = image[::step, ::step]
    gray = small / 255.0 if small.ndim == 2 else color.rgb2gray(small[..., :3])
    smooth = filters.gaussian(gray, 1)
    # The light is seldom even: each pixel is compared with its neighbourhood.
    block = max(51, (min(gray.shape) // 4) | 1)
    mask = morphology.closing(smooth > filters.threshold_local(smooth, block), morphology.disk(3))
    mask = ndimage.binary_fill_holes(morphology.opening(mask, morphology.disk(3)))
    regions = measure.regionprops(_separated(segmentation.clear_border(mask), int(min_diameter / step)))
    coins = [
        Coin(region.centroid[1] * step, region.centroid[0] * step, region.equivalent_diameter_area * step)
        for region in regions
        if region.eccentricity <= MAX_ECCENTRICITY and region.solidity >= MIN_SOLIDITY
    ]
    return sorted((coin for coin in coins if coin.diameter >= min_diameter), key=lambda coin: (coin.y, coin.x))


def draw_coins(image: Any, coins: list[Coin]) -> Any:
    """The photograph with a circle around each coin."""
    drawn = np.stack([image] * 3, axis=-1) if image.ndim == 2 else image[..., :3].copy()
    ys, xs = np.ogrid[: image.shape[0], : image.shape[1]]
    width = max(2, max(image.shape[:2]) // 300)
    for coin in coins:
        distance = np.hypot(xs - coin.x, ys - coin.y)
        drawn[np.abs(distance - coin.diameter / 2) <= width / 2] = OUTLINE_COLOUR
    return drawn


def _separated(mask: Any, distance: int) -> Any:
    """Numbered regions; those that touch are cut where they are narrow."""
    depth = ndimage.distance_transform_edt(mask)
    peaks = feature.peak_local_max(depth, min_distance=max(5, distance // 2), labels=measure.label(mask))
    markers = np.zeros(mask.shape, dtype=int)
    markers[tuple(peaks.T)] = range(1, len(peaks) + 1)
    return segmentation.watershed(-depth, markers, mask=mask)
