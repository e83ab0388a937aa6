"""What readers of every format share: finding the image, settling its size, and keeping only sound geometry."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.records import BadFile, UnfitError
from synapse_sdk.utils.converters.shapes import geometry
from synapse_sdk.utils.converters.splits import TAG_SPLITS

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")


def split_of(name: str) -> str | None:
    """`train`, `val` or `test` for the names that data sets use for them."""
    return TAG_SPLITS.get(name.lower())


@dataclass(slots=True)
class Problems:
    """Problems of one item, gathered while it is read and handed over in front of it."""

    path: Path
    found: list[BadFile] = field(default_factory=list)

    def add(self, code: str, message: str, line: int | None = None) -> None:
        self.found.append(BadFile(self.path, line, message, code))

    def drain(self) -> Iterator[BadFile]:
        yield from self.found
        self.found.clear()


class ImageFinder:
    """Finds an image in the folders where it may be, whatever the annotation file says about folders.

    Args:
        folders: In order of preference; those that do not exist are left out.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = list(dict.fromkeys(folder for folder in folders if folder.is_dir()))

    def find(self, name: str) -> Path | None:
        """The file of that name, by its whole relative path or its last part, inside the folders only."""
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        if not parts or "\x00" in name:
            return None
        candidates = [parts[-1:]] if ".." in parts or ":" in parts[0] else [parts, parts[-1:]]
        for candidate in candidates:
            for folder in self.folders:
                path = folder.joinpath(*candidate)
                if path.is_file():
                    return path
        return None

    def find_stem(self, stem: str) -> Path | None:
        """An image with any usual suffix."""
        for suffix in (*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES)):
            if found := self.find(stem + suffix):
                return found
        return None


def settle_size(
    image: Path | None, stated: tuple[int, int] | None, problems: Problems, line: int | None = None
) -> tuple[int, int] | None:
    """The image's real size where it can be read, else the stated one; a difference is a problem."""
    if image is None:
        return stated
    try:
        real = read_image_size(image)
    except FormatError as exc:
        problems.add("image_unreadable", str(exc), line)
        return stated
    if stated and stated != real:
        message = (
            f"the annotation says {stated[0]} x {stated[1]} pixels, the image {image.name} has {real[0]} x {real[1]}"
        )
        problems.add("size_mismatch", message, line)
    return real


def sound_box(box: Sequence[float], size: tuple[int, int] | None) -> tuple[list[float], str | None]:
    """A box with area inside the image, and what was cut off, if anything.

    Raises:
        UnfitError: Nothing is left of the box.
    """
    if len(box) != 4:
        raise UnfitError(LossCode.INVALID_GEOMETRY, "it has no box of four numbers")
    x, y, w, h = box
    if not geometry.are_finite(box):
        raise UnfitError(LossCode.INVALID_GEOMETRY, f"the box {geometry.text_of(box)} is not made of finite numbers")
    if w <= 0 or h <= 0:
        raise UnfitError(LossCode.ZERO_AREA, f"the box {geometry.text_of(box)} has no area")
    if size is None:
        return [x, y, w, h], None
    over = geometry.overhang(box, *size)
    if over == 0:
        return [x, y, w, h], None
    clipped = geometry.clip_box(box, *size)
    if clipped[2] <= 0 or clipped[3] <= 0:
        message = f"the box {geometry.text_of(box)} lies outside the image ({size[0]} x {size[1]})"
        raise UnfitError(LossCode.OUTSIDE_IMAGE, message)
    if over <= geometry.EPSILON:
        return clipped, None
    return clipped, f"the box {geometry.text_of(box)} reached {over:.2f} px beyond the image and was cut"


def item_data(annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"annotations": annotations}


def read_image_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels as stored; the pixels are not decoded.

    Raises:
        FormatError: The file is no image that Pillow can read, or Pillow is missing.
        FileNotFoundError: There is no such file.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as exc:
        raise FormatError("Reading image sizes needs Pillow. Install synapse-platform[formats].") from exc
    try:
        # A very large image is no danger here: only its header is read.
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(path) as image,
        ):
            return image.size
    except FileNotFoundError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as exc:
        raise FormatError(f"{path.name} is no readable image. Replace the file, then try again.") from exc
