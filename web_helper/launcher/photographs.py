"""Ten photographs that scikit-image ships, their objects found by a classical segmentation, as a COCO data set."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import skimage
from skimage import color, filters, io, measure, morphology, segmentation

Image = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
OUTLINE_TOLERANCE_PIXELS = 1.0
# A thinner region is a speck or a rule on the page, and formats of whole pixels cannot carry it.
MIN_SIDE_PIXELS = 3


def _gray(image: Image) -> Image:
    return image / 255.0 if image.ndim == 2 else color.rgb2gray(image[..., :3])


def _smooth(image: Image, sigma: float) -> Image:
    return np.asarray(filters.gaussian(_gray(image), sigma))


def _brightest(image: Image, sigma: float, share: float) -> Mask:
    gray = _smooth(image, sigma)
    return np.asarray(gray > np.quantile(gray, 1 - share))


def _darker_than_around(image: Image, sigma: float) -> Mask:
    gray = _smooth(image, sigma)
    return np.asarray(gray < filters.threshold_local(gray, 71, offset=0.03))


def _brighter_than_around(image: Image) -> Mask:
    gray = _smooth(image, 1)
    bright = gray > filters.threshold_local(gray, 101, offset=-0.02)
    # What touches the border is the lit edge of the table, not a coin.
    return np.asarray(segmentation.clear_border(morphology.closing(bright, morphology.disk(3))))


def _above_otsu(values: Image) -> Mask:
    return np.asarray(values > filters.threshold_otsu(values))


def _ink(image: Image) -> Mask:
    gray = _gray(image)
    # Letters of one word are joined; the gaps between words are wider.
    return np.asarray(morphology.dilation(gray < filters.threshold_sauvola(gray, 25), np.ones((1, 7))))


@dataclass(frozen=True)
class Photograph:
    """One photograph and how its objects are told from the background; areas in square pixels."""

    file_name: str
    category: str
    find: Callable[[Image], Mask]
    min_area: int
    max_area: int | None = None


PHOTOGRAPHS = (
    Photograph("coins.png", "coin", _brighter_than_around, 400, 4_000),
    Photograph("cell.png", "cell", lambda image: _above_otsu(filters.sobel(_smooth(image, 3))), 600),
    Photograph("hubble_deep_field.jpg", "galaxy", lambda image: _brightest(image, 1.5, 0.035), 60),
    Photograph("ihc.png", "tissue", lambda image: _above_otsu(filters.gaussian(color.rgb2hed(image)[..., 2], 2)), 150),
    Photograph("moon.png", "shadow", lambda image: _darker_than_around(image, 2), 150),
    Photograph("page.png", "word", _ink, 40),
    Photograph("rocket.jpg", "light", lambda image: _brightest(image, 2, 0.03), 80),
    Photograph("camera.png", "person", lambda image: ~_above_otsu(_smooth(image, 3)), 20_000),
    Photograph("coffee.png", "saucer", lambda image: _above_otsu(color.rgb2lab(image)[..., 1]), 20_000),
    Photograph("microaneurysms.png", "microaneurysm", lambda image: _darker_than_around(image, 1), 12, 60),
)


def write_photographs(folder: Path) -> Path:
    """Copy the photographs to `folder/images`, segment them, and write `folder/annotations.json` (COCO).

    Returns:
        Path of the annotation file.
    """
    source = Path(skimage.__file__).parent / "data"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    categories = {photo.category: number for number, photo in enumerate(PHOTOGRAPHS, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, photo in enumerate(PHOTOGRAPHS, 1):
        shutil.copy2(source / photo.file_name, folder / "images" / photo.file_name)
        image = io.imread(source / photo.file_name)
        height, width = image.shape[:2]
        images.append({"id": image_id, "file_name": photo.file_name, "width": width, "height": height})
        for found in _find_objects(photo, image):
            fixed = {"id": len(annotations) + 1, "image_id": image_id, "category_id": categories[photo.category]}
            annotations.append({**fixed, **found, "iscrowd": 0})
    path = folder / "annotations.json"
    named = [{"id": number, "name": name} for name, number in categories.items()]
    path.write_bytes(msgspec.json.encode({"images": images, "annotations": annotations, "categories": named}))
    return path


def _find_objects(photo: Photograph, image: Image) -> Iterator[dict[str, Any]]:
    for region in measure.regionprops(measure.label(photo.find(image))):
        is_thin = min(region.image.shape) < MIN_SIDE_PIXELS
        if photo.min_area <= region.area <= (photo.max_area or region.area) and not is_thin:
            yield _outline(region)


def _outline(region: Any) -> dict[str, Any]:
    """One region as a COCO polygon with its box; coordinates are pixel edges."""
    top, left, bottom, right = region.bbox
    padded = np.pad(region.image, 1).astype(float)
    longest = max(measure.find_contours(padded, 0.5), key=len)
    ring = measure.approximate_polygon(longest, OUTLINE_TOLERANCE_PIXELS)[:-1]
    # find_contours counts from pixel centres of the padded mask; a pixel's edge is half a pixel before its centre.
    xs = np.clip(ring[:, 1] - 0.5 + left, left, right)
    ys = np.clip(ring[:, 0] - 0.5 + top, top, bottom)
    points = np.stack([xs, ys], axis=1).round(2).ravel().tolist()
    box = [float(v) for v in (xs.min(), ys.min(), np.ptp(xs), np.ptp(ys))]
    return {"segmentation": [points], "bbox": [round(v, 2) for v in box], "area": float(region.area)}
