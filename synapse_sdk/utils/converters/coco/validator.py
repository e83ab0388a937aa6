"""Checks COCO files against the format's rules, in one pass and with memory that does not follow their size."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.coco.json_stream import Element, scan_arrays
from synapse_sdk.utils.converters.coco.reader import find_files, split_of_file
from synapse_sdk.utils.converters.coco.records import CocoAnnotation, CocoCategory, CocoImage
from synapse_sdk.utils.converters.compact import HashSet, IdSet, SizeMap
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.records import ValidationReport
from synapse_sdk.utils.converters.shapes import rle
from synapse_sdk.utils.converters.shapes.geometry import EPSILON, overhang
from synapse_sdk.utils.converters.validation import count_split, folder_has_files

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "images": msgspec.json.Decoder(CocoImage),
    "annotations": msgspec.json.Decoder(CocoAnnotation),
    "categories": msgspec.json.Decoder(CocoCategory),
}


def validate_coco(path: Path) -> ValidationReport:
    """Check the COCO files at `path`, and that their images exist where there are images."""
    report = ValidationReport(Format.COCO, counts={"images": 0, "annotations": 0, "classes": 0, "splits": {}})
    try:
        files = find_files(path)
    except FormatError as exc:
        report.error("missing", str(exc), path=path)
        return report
    names = HashSet()
    for file in files:
        split = split_of_file(file)
        check = _FileCheck(report, file, _images_folder(path, file, split))
        check.run(names)
        count_split(report, split, check.images, check.annotations)
    return report


def _images_folder(path: Path, file: Path, split: str | None) -> Path | None:
    """The folder where our layout has the images, when it holds any; a set written without images has none to check."""
    root = file.parent if path.is_file() else path
    folder = root / "images" / split if split and (root / "images" / split).is_dir() else root / "images"
    return folder if folder_has_files(folder) else None


class _FileCheck:
    def __init__(self, report: ValidationReport, file: Path, folder: Path | None) -> None:
        self._report = report
        self._file = file
        self._folder = folder
        self._sizes, self._ids = SizeMap(), IdSet()
        self._used: dict[int, int] = {}
        self._points: dict[int, set[int]] = {}
        self._categories: dict[int, CocoCategory] = {}
        self.images = self.annotations = 0

    def run(self, names: HashSet) -> None:
        order = self._scan(names, ("images", "categories", "annotations"))
        if order.index("annotations") < order.index("images"):
            # A file may list annotations first; their images are known only now.
            self._scan(names, ("annotations",))
        self._check_categories()
        self._report.counts["classes"] = max(self._report.counts["classes"], len(self._categories))

    def _scan(self, names: HashSet, wanted: tuple[str, ...]) -> list[str]:
        order: list[str] = []
        try:
            for element in scan_arrays(self._file, {key: _DECODERS[key] for key in wanted}):
                if element.key not in order:
                    order.append(element.key)
                deferred = element.key == "annotations" and "images" not in order and len(wanted) > 1
                if not deferred:
                    self._check(element, names)
        except (FormatError, OSError) as exc:
            self._report.error("malformed", str(exc), path=self._file)
            return ["images", "annotations"]
        return [*order, *(key for key in ("images", "annotations") if key not in order)]

    def _check(self, element: Element, names: HashSet) -> None:
        if isinstance(element.value, msgspec.DecodeError):
            self._error("malformed", f"an element of {element.key} is broken: {element.value}", element.line)
        elif element.key == "images":
            self.images += 1
            self._check_image(element.value, element.line, names)
        elif element.key == "categories":
            self._check_category(element.value, element.line)
        else:
            self.annotations += 1
            self._check_annotation(element.value, element.line)

    def _check_image(self, image: CocoImage, line: int, names: HashSet) -> None:
        if not _is_id(image.id):
            self._error("bad_id", f"the image id {image.id!r} is no whole number of 1 or more", line)
            return
        if not image.width or not image.height or min(image.width, image.height) <= 0:
            self._error("bad_size", f"image {image.id} has no width and height", line)
            return
        if not self._sizes.add(int(image.id), (int(image.width), int(image.height))):
            self._error("duplicate_id", f"the image id {image.id} is there twice", line)
        if not image.file_name:
            self._error("bad_file_name", f"image {image.id} has no file name", line)
            return
        folder = "" if self._folder is None else self._folder.name
        if not names.add(f"{folder}/{image.file_name}"):
            self._error("duplicate_file_name", f"the file name {image.file_name} is there twice", line)
        if self._folder is not None and not (self._folder / image.file_name).is_file():
            self._error("image_missing", f"there is no file {image.file_name} in {self._folder.name}", line)

    def _check_category(self, category: CocoCategory, line: int) -> None:
        if not _is_id(category.id):
            self._error("bad_id", f"the category id {category.id!r} is no whole number of 1 or more", line)
            return
        if int(category.id) in self._categories:
            self._error("duplicate_id", f"the category id {category.id} is there twice", line)
        if category.name in {known.name for known in self._categories.values()}:
            self._error("duplicate_name", f"the category name {category.name!r} is there twice", line)
        self._categories[int(category.id)] = category

    def _check_annotation(self, found: CocoAnnotation, line: int) -> None:
        if not _is_id(found.id):
            self._error("bad_id", f"the annotation id {found.id!r} is no whole number of 1 or more", line)
        elif not self._ids.add(int(found.id or 0)):
            self._error("duplicate_id", f"the annotation id {found.id} is there twice", line)
        size = self._sizes.get(found.image_id) if isinstance(found.image_id, int) else None
        if size is None:
            self._error("image_unknown", f"annotation {found.id} names the unknown image {found.image_id}", line)
            return
        if isinstance(found.category_id, int):
            self._used.setdefault(found.category_id, line)
        try:
            self._check_geometry(found, size, line)
        except (TypeError, ValueError, KeyError, OverflowError) as exc:
            self._error("bad_geometry", f"annotation {found.id} cannot be read: {exc}", line)

    def _check_geometry(self, found: CocoAnnotation, size: tuple[int, int], line: int) -> None:
        if problem := _box_problem(found.bbox, size):
            self._error("bad_box", f"annotation {found.id}: {problem}", line)
        if not found.area or found.area <= 0:
            self._error("bad_area", f"annotation {found.id} has no area above 0", line)
        if found.iscrowd not in (0, 1):
            self._error("bad_iscrowd", f"annotation {found.id} has iscrowd {found.iscrowd!r}, not 0 or 1", line)
        if found.segmentation and (problem := _segmentation_problem(found.segmentation, size)):
            self._error("bad_segmentation", f"annotation {found.id}: {problem}", line)
        if found.keypoints:
            if problem := _keypoints_problem(found):
                self._error("bad_keypoints", f"annotation {found.id}: {problem}", line)
            self._points.setdefault(int(found.category_id), set()).add(len(found.keypoints) // 3)

    def _check_categories(self) -> None:
        for category_id, line in self._used.items():
            if category_id not in self._categories:
                self._error("category_unknown", f"annotations name the unknown category {category_id}", line)
        for category_id, counts in self._points.items():
            category = self._categories.get(category_id)
            if category and counts != {len(category.keypoints or ())}:
                message = f"category {category.name!r} names {len(category.keypoints or ())} keypoints"
                self._error("bad_keypoints", f"{message}, its annotations have {sorted(counts)}", None)

    def _error(self, code: str, message: str, line: int | None) -> None:
        self._report.error(code, message, path=self._file, line=line)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and value >= 1


def _box_problem(box: list[int | float] | None, size: tuple[int, int]) -> str | None:
    if box is None or len(box) != 4 or not math.isfinite(sum(box)):
        return "it has no box of four numbers"
    if box[2] <= 0 or box[3] <= 0:
        return f"its box {box} has no area"
    if overhang(box, *size) > EPSILON:
        return f"its box {box} reaches beyond the image ({size[0]} x {size[1]})"
    return None


def _segmentation_problem(segmentation: list[Any] | dict[str, Any], size: tuple[int, int]) -> str | None:
    if isinstance(segmentation, dict):
        height, width = segmentation["size"]
        if (width, height) != size:
            return f"its mask is {width} x {height}, its image {size[0]} x {size[1]}"
        rle.runs_of(segmentation)
        return None
    for part in segmentation:
        if not isinstance(part, list) or len(part) < 6 or len(part) % 2:
            return "a polygon is no list of an even number of coordinates, 6 or more"
        if not math.isfinite(sum(part)):
            return "a polygon has a point that is no number"
    return None


def _keypoints_problem(found: CocoAnnotation) -> str | None:
    points = found.keypoints or []
    if len(points) % 3:
        return f"{len(points)} keypoint numbers are no triples"
    if any(v not in (0, 1, 2) for v in points[2::3]):
        return "a keypoint's visibility is none of 0, 1, 2"
    labelled = sum(1 for v in points[2::3] if v)
    if found.num_keypoints != labelled:
        return f"num_keypoints is {found.num_keypoints}, {labelled} are labelled"
    return None
