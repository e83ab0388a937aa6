"""Whether a block's bytes follow the format's rules, told from the bytes alone and without a finding.

These checks know how our writers lay files out and answer only yes or "not proven". What is not proven is left to the
format's validator, which reads the whole data set back and says what is wrong and where.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks.chunk import Chunk
from synapse_sdk.utils.converters.blocks.items import BlockItem, Number
from synapse_sdk.utils.converters.blocks.text_checks import is_sound_csv, is_sound_voc, is_sound_yolo
from synapse_sdk.utils.converters.formats import Format, YoloOptions, YoloTask
from synapse_sdk.utils.converters.shapes.geometry import EPSILON

Box = tuple[Number, Number, Number, Number]
C = TypeVar("C")
# What can be told of a number by itself is told while it is decoded.
_Corner = Annotated[float, Meta(ge=-EPSILON)]
_Positive = Annotated[float, Meta(gt=0)]
_Outline = Annotated[list[Number], Meta(min_length=6)]


class _Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    width: int
    height: int


class _Row(msgspec.Struct, Generic[C], gc=False):
    id: int
    image_id: int
    category_id: C
    bbox: tuple[_Corner, _Corner, _Positive, _Positive]
    area: _Positive
    iscrowd: Literal[0, 1]
    segmentation: list[_Outline]
    keypoints: None = None


class _TableRow(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    type: str
    category: str
    bbox: Box
    segmentation: list[list[Number]] = []
    attributes: msgspec.Raw | UnsetType = UNSET
    id: int | str | None = None


class _TableLine(msgspec.Struct, gc=False):
    id: int | str
    file_name: str
    split: str | None
    annotations: list[_TableRow]


_decode_images = msgspec.json.Decoder(list[_Image]).decode
_decode_lines = msgspec.json.Decoder(_TableLine).decode_lines


def is_proven(writer: DatasetWriter, chunk: Chunk, items: Sequence[BlockItem]) -> bool:
    """Whether what a block became is sound, complete, and names the images that it was given."""
    kept = [item for item in items if not item.skip and ((item.width > 0 and item.height > 0) or not writer.needs_size)]
    if len(kept) != chunk.counts["images"]:
        return False
    try:
        return _CHECKS[writer.format](writer, chunk, kept)
    except (msgspec.DecodeError, csv.Error, LookupError, ValueError):
        return False


def _coco(writer: DatasetWriter, chunk: Chunk, kept: Sequence[BlockItem]) -> bool:
    decode_rows = _row_decoder(tuple(writer.classes.ids.values()))
    counted = 0
    for lane in chunk.lanes:
        expected = [_Image(i.image_id, i.name, i.width, i.height) for i in kept if i.split == lane.split]
        if _decode_images(b"[" + lane.first + b"]") != expected:
            return False
        rows = decode_rows(b"[" + lane.alike + b"]") if lane.later else []
        if not _are_sound_rows(rows, {i.id: (i.width + EPSILON, i.height + EPSILON) for i in expected}):
            return False
        counted += len(rows)
    return counted == chunk.counts["annotations"]


@cache
def _row_decoder(category_ids: Sequence[int]) -> Callable[[bytes], list[Any]]:
    """What decodes annotations of these categories; a rule that tells of one number is a part of its type."""
    return msgspec.json.Decoder(list[_Row[Literal[category_ids]]]).decode  # type: ignore[valid-type] # Known when it runs.


def _are_sound_rows(rows: Sequence[Any], limits: Mapping[int, tuple[float, float]]) -> bool:
    image_id: int | None = None
    right = bottom = 0.0
    for row in rows:
        if row.image_id != image_id:
            image_id = row.image_id
            right, bottom = limits[image_id]
        x, y, w, h = row.bbox
        if x + w > right or y + h > bottom:
            return False
        if row.segmentation:
            for part in row.segmentation:
                if len(part) % 2:
                    return False
    return True


def _jsonl(writer: DatasetWriter, chunk: Chunk, kept: Sequence[BlockItem]) -> bool:
    lines = [line for lane in chunk.lanes for line in _decode_lines(lane.first)]
    if [(line.id, line.file_name, line.split) for line in lines] != [(i.id, i.name, i.split) for i in kept]:
        return False
    rows = [row for line in lines for row in line.annotations]
    classes = writer.classes.ids
    for row in rows:
        if row.bbox[2] <= 0 or row.bbox[3] <= 0 or row.category not in classes:
            return False
        if row.type not in {"bbox", "polygon"} or (row.type == "polygon") is not bool(row.segmentation):
            return False
        for part in row.segmentation:
            if len(part) < 6 or len(part) % 2:
                return False
    return len(rows) == chunk.counts["annotations"]


def _csv(writer: DatasetWriter, chunk: Chunk, kept: Sequence[BlockItem]) -> bool:
    text = b"".join(lane.first for lane in chunk.lanes).decode()
    found = is_sound_csv(text, writer.classes.ids)
    if found is None:
        return False
    images, count = found
    expected = [(str(item.id), item.name, item.split or "") for item in kept]
    return images == expected and count == chunk.counts["annotations"]


def _voc(writer: DatasetWriter, chunk: Chunk, kept: Sequence[BlockItem]) -> bool:
    names = frozenset([escape(name, quote=False) for name in writer.classes.names])
    stems = b"".join(lane.first for lane in chunk.lanes).count(b"\n")
    found = [is_sound_voc(path, data, item, names) for (path, data), item in zip(chunk.files, kept, strict=True)]
    return None not in found and sum(filter(None, found)) == chunk.counts["annotations"] and stems == len(kept)


def _yolo(writer: DatasetWriter, chunk: Chunk, kept: Sequence[BlockItem]) -> bool:
    options: Any = getattr(writer, "options", None)
    if not isinstance(options, YoloOptions) or options.task is not YoloTask.DETECT:
        return False
    numbers = frozenset(map(str, writer.classes.indexes.values()))
    found = [is_sound_yolo(path, data, item, numbers) for (path, data), item in zip(chunk.files, kept, strict=True)]
    return None not in found and sum(filter(None, found)) == chunk.counts["annotations"]


_CHECKS: dict[Format, Callable[[DatasetWriter, Chunk, Sequence[BlockItem]], bool]] = {
    Format.COCO: _coco,
    Format.YOLO: _yolo,
    Format.VOC: _voc,
    Format.CSV: _csv,
    Format.JSONL: _jsonl,
}
