"""Reads COCO: detection, segmentation and keypoints, from one file or one per split, of any size.

The first pass notes where each record stands; the second reads image by image. What is kept is some sixty bytes
per annotation, not the annotations.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.coco.annotations import read_annotation
from synapse_sdk.utils.converters.coco.json_stream import Element, scan_arrays
from synapse_sdk.utils.converters.coco.records import CocoAnnotation, CocoCategory, CocoImage, CocoRef
from synapse_sdk.utils.converters.compact import IdSet
from synapse_sdk.utils.converters.reading import ImageFinder, Problems, item_data, settle_size, split_of
from synapse_sdk.utils.converters.records import BadFile, SourceItem, UnfitError
from synapse_sdk.wire.annotations import ClassDefinition

_SPLIT_WORD = re.compile(r"(?<![a-z])(train|valid|validation|val|test)(?![a-z])", re.IGNORECASE)


def read_coco(
    path: Path, images: Path | None = None, on_total: Callable[[int], None] | None = None
) -> Iterator[SourceItem | BadFile]:
    """Yield the images of each file in its order; problems come in front of their item.

    Args:
        path: The JSON file, or a folder that holds one per split.
        images: Where the images are, when not in a folder beside.
        on_total: Told how many images there are, once per file, with those of the files before it.

    Raises:
        FormatError: There is no COCO file, or one is no complete JSON object.
    """
    total = 0
    for file in find_files(path):
        split = split_of_file(file)
        with _Index(file, ImageFinder(_image_folders(file, split, images)), split) as index:
            yield from index.scan()
            total += index.image_count
            if on_total is not None:
                on_total(total)
            yield from index.items()


def find_files(path: Path) -> list[Path]:
    """The COCO files at `path`, in order of name.

    Raises:
        FormatError: There is none.
    """
    if path.is_file():
        return [path]
    for pattern in ("annotations.json", "annotations/instances_*.json", "annotations/person_keypoints_*.json",
                    "annotations/*.json", "instances_*.json", "*/_annotations.coco.json", "*.json"):  # fmt: skip
        if found := sorted(path.glob(pattern)):
            return found
    raise FormatError(f"{path} is no COCO file and has none in it. Give the JSON file of the data set.")


def split_of_file(file: Path) -> str | None:
    """`train` for `instances_train2017.json`, `val` for `valid/_annotations.coco.json`."""
    if match := _SPLIT_WORD.search(file.stem.replace("_", " ")):
        return split_of(match.group())
    own = re.fullmatch(r"(?:instances|person_keypoints)_(?!default$)(\w+)", file.stem)
    return own.group(1) if own else split_of(file.parent.name)


def _image_folders(file: Path, split: str | None, images: Path | None) -> list[Path]:
    words = [w for w in ([split, "valid"] if split == "val" else [split]) if w]
    match = re.search(r"(?:train|val|test)\d{4}", file.stem)
    words += [match.group()] if match else []
    here, above = file.parent, file.parent.parent
    roots = [images] if images else [here / "images", above / "images", here, above]
    return [folder for root in roots for folder in (*(root / word for word in words), root)]


def read_categories(file: Path) -> list[ClassDefinition]:
    """The classes of a COCO file; ids below 1 move all of them up, because ours begin at 1.

    Raises:
        FormatError: The file is no complete JSON object.
    """
    decoder = msgspec.json.Decoder(CocoCategory)
    found = [element.value for element in scan_arrays(file, {"categories": decoder})]
    categories = [value for value in found if isinstance(value, CocoCategory)]
    numbers = [c.id if isinstance(c.id, int) else place for place, c in enumerate(categories, 1)]
    shift = max(0, 1 - min(numbers, default=1))
    return [
        ClassDefinition(
            id=number + shift,
            name=c.name,
            supercategory=c.supercategory or None,
            keypoints=c.keypoints or None,
            skeleton=c.skeleton or None,
        )
        for number, c in zip(numbers, categories, strict=True)
    ]


class _Index:
    """Where the records of one file stand."""

    def __init__(self, file: Path, finder: ImageFinder, split: str | None) -> None:
        self._file = file
        self._finder = finder
        self._split = split
        self._problems = Problems(file)
        self._categories: dict[int | str, CocoCategory] = {}
        # Images and annotations by an internal number per image id, because ids may be text and come in any order.
        self._numbers: dict[int | str, int] = {}
        self._images: list[tuple[int, int, int]] = []
        self._image_numbers: set[int] = set()
        self._owner, self._offset, self._length, self._line = array("q"), array("Q"), array("I"), array("I")
        self._ids, self._text_ids = IdSet(), set[str]()
        self._handle: int = -1

    def __enter__(self) -> Self:
        self._handle = os.open(self._file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._handle)

    @property
    def image_count(self) -> int:
        return len(self._images)

    def items(self) -> Iterator[SourceItem | BadFile]:
        order = self._order()
        starts: dict[int, int] = {}
        for place, number in enumerate(order):
            starts.setdefault(self._owner[number], place)
        decode = msgspec.json.Decoder(CocoImage).decode
        for offset, length, line in self._images:
            image = decode(os.pread(self._handle, length, offset))
            number = self._numbers[image.id]
            item = self._item(image, self._own(number, starts.get(number), order), line)
            yield from self._problems.drain()
            yield item

    def _order(self) -> Sequence[int]:
        """Annotations image by image; most files have them so already."""
        if all(first <= second for first, second in pairwise(self._owner)):
            return range(len(self._owner))
        return array("Q", sorted(range(len(self._owner)), key=self._owner.__getitem__))

    def _own(self, number: int, place: int | None, order: Sequence[int]) -> Iterator[int]:
        while place is not None and place < len(order) and self._owner[order[place]] == number:
            yield order[place]
            place += 1

    def scan(self) -> Iterator[BadFile]:
        handlers = {"images": self._note_image, "annotations": self._note_annotation, "categories": self._note_category}
        decoders: dict[str, msgspec.json.Decoder[Any]] = {
            "images": msgspec.json.Decoder(CocoImage),
            "annotations": msgspec.json.Decoder(CocoRef),
            "categories": msgspec.json.Decoder(CocoCategory),
        }
        for element in scan_arrays(self._file, decoders):
            if isinstance(element.value, msgspec.DecodeError):
                self._problems.add("malformed", f"an element of {element.key} is broken: {element.value}", element.line)
            else:
                handlers[element.key](element)
            yield from self._problems.drain()
        for image_id, number in self._numbers.items():
            if number not in self._image_numbers:
                message = f"annotations name the image {image_id}, which the file does not list"
                self._problems.add("image_unknown", message, self._line[self._owner.index(number)])
        yield from self._problems.drain()

    def _note_image(self, element: Element) -> None:
        number = self._numbers.setdefault(element.value.id, len(self._numbers))
        if number in self._image_numbers:
            self._problems.add("duplicate_image", f"the image id {element.value.id} is there twice", element.line)
            return
        self._image_numbers.add(number)
        self._images.append((element.offset, element.length, element.line))

    def _note_annotation(self, element: Element) -> None:
        ref: CocoRef = element.value
        if ref.id is not None and not self._is_new(ref.id):
            self._problems.add("duplicate_id", f"the annotation id {ref.id} is there twice", element.line)
        self._owner.append(self._numbers.setdefault(ref.image_id, len(self._numbers)))
        self._offset.append(element.offset)
        self._length.append(element.length)
        self._line.append(element.line)

    def _is_new(self, annotation_id: int | str) -> bool:
        if isinstance(annotation_id, int):
            return self._ids.add(annotation_id)
        count = len(self._text_ids)
        self._text_ids.add(annotation_id)
        return len(self._text_ids) > count

    def _note_category(self, element: Element) -> None:
        self._categories[element.value.id] = element.value

    def _item(
        self, image: CocoImage, own: Iterator[int], line: int
    ) -> SourceItem:  # fmt: skip
        problems = self._problems
        path = self._finder.find(image.file_name)
        if path is None:
            problems.add("image_missing", f"the image {image.file_name} is in none of the image folders", line)
        stated = (int(image.width), int(image.height)) if image.width and image.height else None
        size = settle_size(path, stated, problems, line)
        decode = msgspec.json.Decoder(CocoAnnotation).decode
        annotations: list[dict[str, Any]] = []
        for place in own:
            at = self._line[place]
            try:
                found = decode(os.pread(self._handle, self._length[place], self._offset[place]))
                annotation, notes = read_annotation(found, self._categories, size)
            except UnfitError as exc:
                problems.add(exc.code.value, str(exc), at)
                continue
            except (msgspec.DecodeError, TypeError, ValueError, KeyError) as exc:
                problems.add("malformed", f"the annotation cannot be read: {exc}", at)
                continue
            for code, message in notes:
                problems.add(code.value, message, at)
            annotations.append(annotation)
        key = f"{self._split}/{image.file_name}" if self._split else image.file_name
        name = image.file_name.replace("\\", "/").rsplit("/", 1)[-1]
        width, height = size or (None, None)
        return SourceItem(key, name, path, width, height, item_data(annotations), self._split, image.tags)
