"""Reads LabelMe: one JSON file beside each image, with its shapes in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.reading import ImageFinder, Problems, item_data, settle_size, sound_box
from synapse_sdk.utils.converters.records import BadFile, SourceItem, UnfitError
from synapse_sdk.utils.converters.shapes import geometry

# A circle becomes a polygon: at this number of corners it is a thousandth of its radius off.
CIRCLE_CORNERS = 64

Size = tuple[int, int]


def read_labelme(path: Path, images: Path | None = None) -> Iterator[SourceItem | BadFile]:
    """Yield the image of each JSON file in the order of file names; problems come in front of their item.

    Args:
        path: The folder of JSON files.
        images: Where the images are, when not beside.

    Raises:
        FormatError: There is no folder of JSON files.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else []
    if not files:
        raise FormatError(f"{path} has no JSON files. Give the folder of the LabelMe data set.")
    finder = ImageFinder([images] if images else [path, path.parent / "images", path.parent])
    for file in files:
        problems = Problems(file)
        item = None
        try:
            item = _read_item(file, finder, problems)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OSError) as exc:
            problems.add("malformed", f"the file cannot be read: {exc}")
        yield from problems.drain()
        if item:
            yield item


def is_labelme(document: Any) -> bool:
    """Whether decoded JSON is a LabelMe file."""
    return isinstance(document, Mapping) and isinstance(document.get("shapes"), list)


def stated_size(document: Mapping[str, Any]) -> Size | None:
    """The image size that the file states, in pixels."""
    width, height = document.get("imageWidth"), document.get("imageHeight")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return None


def read_shapes(document: Mapping[str, Any], size: Size | None, problems: Problems) -> list[dict[str, Any]]:
    """The sound shapes as our annotations; what is wrong with others goes into `problems`."""
    annotations: list[dict[str, Any]] = []
    for number, shape in enumerate(document["shapes"], 1):
        try:
            annotations.append({"id": len(annotations) + 1, **_read_shape(shape, size, problems)})
        except UnfitError as exc:
            problems.add(exc.code.value, f"shape {number}: {exc}")
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as exc:
            problems.add("invalid_geometry", f"shape {number} cannot be read: {exc}")
    return annotations


def _read_item(file: Path, finder: ImageFinder, problems: Problems) -> SourceItem:
    document = msgspec.json.decode(file.read_bytes())
    if not is_labelme(document):
        raise FormatError("it has no list of shapes")
    stated = str(document.get("imagePath") or "")
    image = (finder.find(stated) if stated else None) or finder.find_stem(file.stem)
    if image is None:
        problems.add("image_missing", f"the image {stated or file.stem} is in none of the image folders")
    size = settle_size(image, stated_size(document), problems)
    annotations = read_shapes(document, size, problems)
    name = image.name if image else PureWindowsPath(stated).name or f"{file.stem}.jpg"
    width, height = size or (None, None)
    return SourceItem(name, name, image, width, height, item_data(annotations))


def _read_shape(shape: Mapping[str, Any], size: Size | None, problems: Problems) -> dict[str, Any]:
    label = shape["label"]
    if not isinstance(label, str) or not label:
        raise ValueError("it has no label")
    points = [float(value) for point in shape["points"] for value in _pair(point)]
    if not geometry.are_finite(points):
        raise UnfitError(LossCode.INVALID_GEOMETRY, "its points are not made of finite numbers")
    annotation = {"category": label, **_geometry(str(shape.get("shape_type") or "polygon"), points)}
    if annotation["type"] == "bbox":
        annotation["bbox"], cut = sound_box(annotation["bbox"], size)
        if cut:
            problems.add("clipped", cut)
    if attributes := _attributes(shape):
        annotation["attributes"] = attributes
    return annotation


def _geometry(kind: str, points: list[float]) -> dict[str, Any]:
    if kind == "rectangle" and len(points) >= 4:
        box = geometry.points_box(points)
        return {"type": "bbox", "bbox": [_short(value) for value in box]}
    if kind == "polygon" and len(points) >= 6:
        return _outlined("polygon", points)
    if kind == "circle" and len(points) == 4:
        return _outlined("polygon", _circle(points))
    if kind in ("line", "linestrip") and len(points) >= 4:
        return {"type": "polyline", "segmentation": [[_short(value) for value in points]]}
    if kind in ("point", "points") and len(points) >= 2:
        triples = [value for i in range(0, len(points), 2) for value in (_short(points[i]), _short(points[i + 1]), 2)]
        return {"type": "keypoints", "keypoints": triples}
    raise UnfitError(LossCode.INVALID_GEOMETRY, f"a {kind} of {len(points) // 2} points is none that can be kept")


def _outlined(kind: str, points: list[float]) -> dict[str, Any]:
    if geometry.polygon_area(points) == 0:
        raise UnfitError(LossCode.ZERO_AREA, "its outline has no area")
    box = [_short(value) for value in geometry.points_box(points)]
    return {"type": kind, "bbox": box, "segmentation": [[_short(value) for value in points]]}


def _circle(points: Sequence[float]) -> list[float]:
    """Corners on the circle about the first point through the second."""
    x, y, at_x, at_y = points
    radius = math.hypot(at_x - x, at_y - y)
    angles = (2 * math.pi * i / CIRCLE_CORNERS for i in range(CIRCLE_CORNERS))
    return [value for angle in angles for value in (x + radius * math.cos(angle), y + radius * math.sin(angle))]


def _attributes(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Flags that are set, the group and the description, where there are any."""
    flags = shape.get("flags")
    attributes = {name: True for name, value in flags.items() if value} if isinstance(flags, Mapping) else {}
    for name in ("group_id", "description"):
        if shape.get(name) not in (None, ""):
            attributes[name] = shape[name]
    return attributes


def _pair(point: Sequence[float]) -> Sequence[float]:
    if len(point) != 2:
        raise ValueError("a point is not a pair of numbers")
    return point


def _short(value: float) -> float:
    rounded = round(value, 3)
    return int(rounded) if rounded.is_integer() else rounded
