"""The checks of formats that are text: each reads what was written by a grammar that is stricter than the format's."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from html import escape

import msgspec

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
_OUTLINE = msgspec.json.Decoder(list[list[Number]])
_VALUES = msgspec.json.Decoder(dict[str, msgspec.Raw])


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
    images: list[tuple[str, str, str]] = []
    count = 0
    for cells in csv.reader(text.splitlines(keepends=True), strict=True):
        if len(cells) != _CSV_CELLS:
            return None
        image = (cells[0], cells[1], cells[4])
        if not images or images[-1] != image:
            images.append(image)
        if cells[8]:
            count += 1
            if not _is_sound_row(cells, classes):
                return None
    return images, count


def _is_sound_row(cells: list[str], classes: Collection[str]) -> bool:
    kind, category, _, _, width, height, rotation, outline, keypoints, area, crowd, values, score = cells[7:]
    if category not in classes or rotation or keypoints or area or crowd or score:
        return False
    float(cells[9]), float(cells[10])
    if not (float(width) > 0 and float(height) > 0):
        return False
    if values:
        _VALUES.decode(values)
    if kind == "bbox":
        return not outline
    return kind == "polygon" and all(len(part) >= 6 and len(part) % 2 == 0 for part in _OUTLINE.decode(outline))
