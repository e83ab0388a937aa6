"""One annotation file as our annotations, through the same readers as whole data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.coco.annotations import read_annotation
from synapse_sdk.utils.converters.coco.records import CocoAnnotation, CocoCategory, CocoImage
from synapse_sdk.utils.converters.labelme.reader import is_labelme, read_shapes
from synapse_sdk.utils.converters.labelme.reader import stated_size as labelme_size
from synapse_sdk.utils.converters.reading import Problems, sound_box
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes.fitting import fit_parts
from synapse_sdk.utils.converters.voc.reader import read_objects, stated_size
from synapse_sdk.utils.converters.voc.xml_tree import parse_xml
from synapse_sdk.utils.converters.yolo.rows import parse_row, row_annotation

Size = tuple[int, int]
Annotations = list[dict[str, Any]]


def convert_voc(content: bytes, size: Size | None, problems: Problems) -> Annotations:
    """Objects of a Pascal VOC file.

    Raises:
        FormatError: It is no `<annotation>`.
    """
    root = parse_xml(content)
    if root.name != "annotation":
        raise FormatError(f"The outermost element is <{root.name}>, not <annotation>")
    return read_objects(root, size or stated_size(root, problems), problems)


def convert_labelme(content: bytes, size: Size | None, problems: Problems) -> Annotations:
    """Shapes of a LabelMe file.

    Raises:
        FormatError: It is no JSON, or has no shapes.
    """
    document = _decode(content, None)
    if not is_labelme(document):
        raise FormatError("The LabelMe file has no list of shapes")
    return read_shapes(document, size or labelme_size(document), problems)


def convert_yolo(content: bytes, size: Size | None, problems: Problems, names: Sequence[str]) -> Annotations:
    """Rows of a YOLO label file.

    Args:
        content: The file.
        size: Width and height of the image in pixels, which YOLO does not say.
        problems: Takes what is wrong with single rows.
        names: The classes by their numbers.

    Raises:
        FormatError: The size is not known, or the file is no text.
    """
    if size is None:
        raise FormatError("YOLO files need the image's size: give the data unit a width and a height")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as exc:
        raise FormatError("The YOLO file is no text") from exc
    annotations: Annotations = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            annotation = _yolo_row(line, size, problems, names)
        except UnfitError as exc:
            problems.add(exc.code.value, str(exc), number)
            continue
        annotations.append({"id": len(annotations) + 1, **annotation})
    return annotations


def _yolo_row(line: str, size: Size, problems: Problems, names: Sequence[str]) -> dict[str, Any]:
    number, values = parse_row(line)
    if number >= len(names):
        raise FormatError(
            f"Class {number} has no name: {len(names)} classes are known. Give class_names in extra_params"
        )
    annotation = {**row_annotation(values, None, None, size), "category": names[number]}
    if "segmentation" in annotation:
        notes: list[Any] = []
        annotation["segmentation"] = fit_parts(annotation["segmentation"], size, notes)
        for code, message in notes:
            problems.add(code.value, message)
    elif "rotation" not in annotation:
        annotation["bbox"], cut = sound_box(annotation["bbox"], size)
        if cut:
            problems.add("clipped", cut)
    return annotation


class _CocoFile(msgspec.Struct):
    images: list[CocoImage] = []
    annotations: list[CocoAnnotation] = []
    categories: list[CocoCategory] = []


class CocoIndex:
    """A COCO file by the names of its images: one file may stand for a whole project.

    Args:
        content: The file.

    Raises:
        FormatError: It is no COCO file.
    """

    def __init__(self, content: bytes) -> None:
        file: _CocoFile = _decode(content, _CocoFile)
        self._categories = {category.id: category for category in file.categories}
        self._images = {_plain(image.file_name): image for image in file.images}
        self._by_last_name: dict[str, list[CocoImage]] = {}
        for image in file.images:
            self._by_last_name.setdefault(_last(image.file_name), []).append(image)
        self._own: dict[int | str, list[CocoAnnotation]] = {}
        for annotation in file.annotations:
            self._own.setdefault(annotation.image_id, []).append(annotation)

    def annotations_of(self, name: str, size: Size | None, problems: Problems) -> Annotations:
        """Annotations of the image of that name; of the only image, whatever its name.

        Raises:
            FormatError: There is no such image, or there are several.
        """
        image = self._find(name)
        stated = (int(image.width), int(image.height)) if image.width and image.height else None
        annotations: Annotations = []
        for found in self._own.get(image.id, ()):
            try:
                annotation, notes = read_annotation(found, self._categories, size or stated)
            except UnfitError as exc:
                problems.add(exc.code.value, str(exc))
                continue
            for code, message in notes:
                problems.add(code.value, message)
            annotations.append(annotation)
        return annotations

    def _find(self, name: str) -> CocoImage:
        if len(self._images) == 1:
            return next(iter(self._images.values()))
        if exact := self._images.get(_plain(name)):
            return exact
        found = self._by_last_name.get(_last(name), [])
        if len(found) == 1:
            return found[0]
        raise FormatError(f"The COCO file has {'several images' if found else 'no image'} named {_last(name)}")


def problems_of(name: str) -> Problems:
    """An empty list of problems of one file."""
    return Problems(Path(_last(name) or "annotations"))


def _decode(content: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=kind or Any)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise FormatError(f"The annotation file cannot be read: {exc}") from exc


def _plain(name: str) -> str:
    return name.replace("\\", "/").lstrip("./")


def _last(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]
