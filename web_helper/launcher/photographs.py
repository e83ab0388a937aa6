"""Ten photographs that scikit-image ships, as a COCO data set with classes, in which nothing is marked yet."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import skimage
from PIL import Image

PHOTOGRAPHS = (
    "coins.png",
    "cell.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "page.png",
    "rocket.jpg",
    "camera.png",
    "coffee.png",
    "microaneurysms.png",
)
# What the segmenter tells apart; a project's classes are its people's to name.
CLASSES = ("round", "long", "other")


def write_photographs(folder: Path) -> Path:
    """Copy the photographs to `folder/images`, and list them in `folder/images.json` (COCO).

    Returns:
        Path of the list.
    """
    source = Path(skimage.__file__).parent / "data"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images = []
    for image_id, name in enumerate(PHOTOGRAPHS, 1):
        shutil.copy2(source / name, folder / "images" / name)
        with Image.open(source / name) as image:
            width, height = image.size
        images.append({"id": image_id, "file_name": name, "width": width, "height": height})
    path = folder / "images.json"
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    path.write_bytes(msgspec.json.encode({"images": images, "annotations": [], "categories": categories}))
    return path
