"""Reads Pascal VOC: a folder with `Annotations/` (any case), images, and perhaps `ImageSets/Main`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.reading import ImageFinder, Problems, item_data, settle_size, sound_box, split_of
from synapse_sdk.utils.converters.records import BadFile, SourceItem, UnfitError
from synapse_sdk.utils.converters.voc.writer import FLAGS
from synapse_sdk.utils.converters.voc.xml_tree import Element, XmlError, read_xml


def read_voc(path: Path, images: Path | None = None) -> Iterator[SourceItem | BadFile]:
    """Yield each annotation file's image in the order of file names; problems come in front of their item.

    Args:
        path: The data set's folder, or its folder of XML files.
        images: Where the images are, when not in `JPEGImages` or `images` beside.

    Raises:
        FormatError: There is no folder of XML files.
    """
    annotations = find_annotations(path)
    root = annotations.parent
    finder = ImageFinder(
        [images] if images else [root / "JPEGImages", root / "images", root / "Images", annotations, root]
    )
    splits = _read_splits(root / "ImageSets" / "Main")
    for file in sorted(annotations.glob("*.xml")):
        problems = Problems(file)
        try:
            item = _read_item(file, finder, problems, splits.get(file.stem))
        except XmlError as exc:
            problems.add("malformed", str(exc), exc.line)
            item = None
        except OSError as exc:
            problems.add("unreadable", f"the file cannot be read: {exc.strerror}")
            item = None
        yield from problems.drain()
        if item:
            yield item


def find_annotations(path: Path) -> Path:
    """The folder of XML files in or at `path`.

    Raises:
        FormatError: There is none.
    """
    for folder in (path / "Annotations", path / "annotations", path):
        if folder.is_dir() and next(folder.glob("*.xml"), None):
            return folder
    if (path / "Annotations").is_dir():
        return path / "Annotations"
    raise FormatError(f"{path} has no Annotations folder with XML files. Give the folder of the VOC data set.")


def _read_splits(folder: Path) -> dict[str, str]:
    """Split by image stem."""
    splits: dict[str, str] = {}
    for file in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
        split = split_of_list(file)
        if split is None:
            continue
        for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines():
            # VOC's own lists may say after the name whether a class is present: "2007_000027 -1".
            if name := re.sub(r"(  [01]| -1)$", "", line.rstrip()):
                splits.setdefault(name, split)
    return splits


def split_of_list(file: Path) -> str | None:
    """The split that a list is; `trainval` and lists of one class (`car_train.txt`) are none of their own."""
    if file.stem in ("trainval", "default") or re.search(r"_(train|val|trainval|test)$", file.stem):
        return None
    return split_of(file.stem) or file.stem


def _read_item(file: Path, finder: ImageFinder, problems: Problems, split: str | None) -> SourceItem:
    root = read_xml(file)
    if root.name != "annotation":
        raise XmlError(f"the outermost element is <{root.name}>, not <annotation>", root.line)
    stated_name = root.child_text("filename")
    last = PureWindowsPath(stated_name).name
    image = (finder.find(stated_name) if stated_name else None) or finder.find_stem(file.stem)
    if image is None:
        line = filename.line if (filename := root.child("filename")) else root.line
        problems.add("image_missing", f"the image {last or file.stem} is in none of the image folders", line)
    size = settle_size(image, stated_size(root, problems), problems, root.line)
    annotations = read_objects(root, size, problems)
    name = image.name if image else last or f"{file.stem}.jpg"
    width, height = size or (None, None)
    return SourceItem(name, name, image, width, height, item_data(annotations), split)


def read_objects(root: Element, size: tuple[int, int] | None, problems: Problems) -> list[dict[str, Any]]:
    """The sound objects of an `<annotation>`; what is wrong with others goes into `problems`."""
    annotations: list[dict[str, Any]] = []
    for element in root.children_named("object"):
        try:
            annotations.append(_read_object(element, len(annotations) + 1, size, problems))
        except UnfitError as exc:
            problems.add(exc.code.value, str(exc), element.line)
        except (ValueError, OverflowError) as exc:
            problems.add("invalid_geometry", f"the object cannot be read: {exc}", element.line)
    return annotations


def stated_size(root: Element, problems: Problems) -> tuple[int, int] | None:
    """The size that an `<annotation>` says its image has."""
    element = root.child("size")
    if element is None:
        return None
    try:
        width, height = (int(float(element.child_text(name))) for name in ("width", "height"))
    except (ValueError, OverflowError):
        problems.add("invalid_size", "the size is no pair of numbers", element.line)
        return None
    return (width, height) if width > 0 and height > 0 else None


def _read_object(element: Element, number: int, size: tuple[int, int] | None, problems: Problems) -> dict[str, Any]:
    name = element.child_text("name")
    corners = element.child("bndbox")
    if not name:
        raise ValueError("it has no <name>")
    if corners is None:
        raise ValueError("it has no <bndbox>")
    left, top, right, bottom = (_number(corners, tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    # Counted from 1 with both ends included: one more than the difference, none of it left of the first pixel.
    box, cut = sound_box([left - 1, top - 1, right - left + 1, bottom - top + 1], size)
    if cut:
        problems.add("clipped", cut, corners.line)
    annotation: dict[str, Any] = {"id": number, "type": "bbox", "category": name, "bbox": box}
    if attributes := _attributes(element):
        annotation["attributes"] = attributes
    return annotation


def _number(corners: Element, tag: str) -> float:
    text = corners.child_text(tag)
    if not text:
        raise ValueError(f"its <bndbox> has no <{tag}>")
    value = float(text)
    return int(value) if value.is_integer() else round(value, 6)


def _attributes(element: Element) -> dict[str, Any]:
    """Flags that are set and a pose that is known: VOC writes 0 and `Unspecified` for want of anything."""
    attributes: dict[str, Any] = {flag: True for flag in FLAGS if element.child_text(flag) in ("1", "true", "True")}
    pose = element.child_text("pose")
    if pose and pose.lower() != "unspecified":
        attributes["pose"] = pose
    return attributes
