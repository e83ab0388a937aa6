"""The checks of formats that are text: each reads what was written by a grammar that is stricter than the format's."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from html import escape
from itertools import groupby
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from synapse_sdk.utils.converters.blocks.items import BlockItem, Number
from synapse_sdk.utils.converters.names import split_suffix

_UNIT = r"(?:0(?:\.\d{1,7})?|1)"
_SIDE = r"(?:0\.\d*[1-9]|1)"
_YOLO = re.compile(rf"(?:\d+ {_UNIT} {_UNIT} {_SIDE} {_SIDE}\n)*", re.ASCII)
_TEXT = r"[^<>\x00-\x08\x0b-\x1f]*"
_NUMBER = r"\d+(?:\.\d+)?"
_VOC_OBJECT = re.compile(
    rf"\t<object>\n\t\t<name>({_TEXT})</name>\n\t\t<pose>{_TEXT}</pose>\n\t\t<truncated>[01]</truncated>\n"
    r"\t\t<occluded>[01]</occluded>\n\t\t<difficult>[01]</difficult>\n"
    rf"\t\t<bndbox>\n\t\t\t<xmin>({_NUMBER})</xmin>\n\t\t\t<ymin>({_NUMBER})</ymin>\n\t\t\t<xmax>({_NUMBER})</xmax>\n"
    rf"\t\t\t<ymax>({_NUMBER})</ymax>\n\t\t</bndbox>\n\t</object>\n",
    re.ASCII,
)
_VOC_HEAD = re.compile(
    rf"<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>({_TEXT})</filename>\n"
    rf"\t<source>\n\t\t<database>{_TEXT}</database>\n\t</source>\n\t<size>\n\t\t<width>(\d+)</width>\n"
    r"\t\t<height>(\d+)</height>\n\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n",
    re.ASCII,
)
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
_CSV_CELLS = 20


class _Object(msgspec.Struct, gc=False):
    """Any object: that it is one is all that is looked at."""


_PLACES = msgspec.json.Decoder(list[float])
_SIDES = msgspec.json.Decoder(list[Annotated[float, Meta(gt=0)]])
_OUTLINES = msgspec.json.Decoder(list[Annotated[list[Annotated[list[Number], Meta(min_length=6)]], Meta(min_length=1)]])
_VALUES = msgspec.json.Decoder(list[_Object])


def is_sound_yolo(path: str, data: bytes, item: BlockItem, numbers: Collection[str]) -> int | None:
    """The rows of a label file of boxes; None when it is not proven to be one."""
    if path != f"labels/{item.split or 'train'}/{split_suffix(item.name)[0]}.txt":
        return None
    text = data.decode("ascii")
    if not _YOLO.fullmatch(text):
        return None
    lines = text.splitlines()
    is_sound = len(set(lines)) == len(lines) and all(line.partition(" ")[0] in numbers for line in lines)
    return len(lines) if is_sound else None


def is_sound_voc(path: str, data: bytes, item: BlockItem, names: Collection[str]) -> int | None:
    """The objects of an annotation file; None when it is not proven to be one. `names` are the classes', escaped."""
    text = data.decode()
    head = _VOC_HEAD.match(text)
    if (
        head is None
        or path != f"Annotations/{split_suffix(item.name)[0]}.xml"
        or head[1] != escape(item.name, quote=False)
    ):
        return None
    if (int(head[2]), int(head[3])) != (item.width, item.height) or ("&" in text and _ENTITY.search(text)):
        return None
    position, count = head.end(), 0
    while found := _VOC_OBJECT.match(text, position):
        name, left, top, right, bottom = found.groups()
        x1, y1, x2, y2 = float(left), float(top), float(right), float(bottom)
        if not (1 <= x1 < x2 <= item.width and 1 <= y1 < y2 <= item.height):
            return None
        if name not in names:
            return None
        position, count = found.end(), count + 1
    return count if text[position:] == "</annotation>\n" else None


def is_sound_csv(text: str, classes: Collection[str]) -> tuple[list[tuple[str, str, str]], int] | None:
    """The images of rows and the number of annotations; None when a row is not proven to be sound."""
    rows = list(csv.reader(text.splitlines(keepends=True), strict=True))
    if set(map(len, rows)) != {_CSV_CELLS}:
        return None
    places = [(cells[0], cells[1], cells[4]) for cells in rows]
    images = [image for image, _ in groupby(places)]
    annotated = [cells for cells in rows if cells[8]]
    # An image without annotations has one row.
    with_annotations = {image for image, cells in zip(places, rows, strict=True) if cells[8]}
    if len(rows) - len(annotated) != len(images) - len(with_annotations):
        return None
    if annotated and not _are_sound(list(zip(*annotated, strict=True)), classes):
        return None
    return images, len(annotated)


def _are_sound(columns: Sequence[Sequence[str]], classes: Collection[str]) -> bool:
    """Whether annotations make sense, column by column: many cells are decoded at once."""
    kinds, categories, left, top, widths, heights, rotations, outlines, points, *more, values, scores = columns[7:]
    if not set(categories) <= set(classes) or any(map(any, (rotations, points, *more, scores))):
        return False
    if not set(zip(kinds, map(bool, outlines), strict=True)) <= {("bbox", False), ("polygon", True)}:
        return False
    _decode_cells(_PLACES, (*left, *top))
    _decode_cells(_SIDES, (*widths, *heights))
    _decode_cells(_VALUES, list(filter(None, values)))
    shapes = _decode_cells(_OUTLINES, list(filter(None, outlines)))
    return not any(len(part) % 2 for parts in shapes for part in parts)


def _decode_cells(decoder: msgspec.json.Decoder[list[Any]], cells: Sequence[str]) -> list[Any]:
    found = decoder.decode(f"[{','.join(cells)}]")
    if len(found) != len(cells):
        raise ValueError("a cell does not hold one value")
    return found
