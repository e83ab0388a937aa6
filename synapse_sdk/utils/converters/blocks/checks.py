"""Whether a block's bytes follow the format's rules, told from the bytes alone and without a finding.

These checks know how our writers lay files out and answer only yes or "not proven". What is not proven is left to the
format's validator, which reads the whole data set back and says what is wrong and where.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from html import escape
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks.chunk import Chunk
from synapse_sdk.utils.converters.blocks.items import BlockItem, Number
from synapse_sdk.utils.converters.blocks.text_checks import is_sound_csv, is_sound_voc, is_sound_yolo
from synapse_sdk.utils.converters.formats import Format, YoloOptions, YoloTask
from synapse_sdk.utils.converters.shapes.geometry import EPSILON

Box = tuple[Number, Number, Number, Number]
# What can be told of a number by itself is told while it is decoded.
_Corner = Annotated[float, Meta(ge=-EPSILON)]
_Positive = Annotated[float, Meta(gt=0)]
_Outline = Annotated[list[Number], Meta(min_length=6)]


class _Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    width: int
    height: int


class _Row(msgspec.Struct, gc=False):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[_Corner, _Corner, _Positive, _Positive]
    area: _Positive
    iscrowd: Literal[0, 1]
    segmentation: list[_Outline]
    attributes: msgspec.Raw | UnsetType = UNSET
    keypoints: msgspec.Raw | UnsetType = UNSET


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
_decode_rows = msgspec.json.Decoder(list[_Row]).decode
_decode_lines = msgspec.json.Decoder(_TableLine).decode_lines


def is_proven(writer: DatasetWriter, chunk: Chunk, items: Sequence[BlockItem]) -> bool:
    """Whether what a block became is sound, complete, and names the images that it was given."""
    kept = [item for item in items if not item.skip and ((item.width > 0 and item.height > 0) or not writer.needs_size)]
    if len(kept) != chunk.counts["images"]:
        return False
    try:
        return _CHECKS[writer.format](writer, chunk, kept)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, ValueError):
        return False


def _coco(writer: DatasetWriter, chunk: Chunk, kept: Sequence[BlockItem]) -> bool:
    category_ids = frozenset(writer.classes.ids.values())
    counted = 0
    for lane in chunk.lanes:
        images = _decode_images(b"[" + lane.first + b"]")
        expected = [(item.image_id, item.name) for item in kept if item.split == lane.split]
        if [(image.id, image.file_name) for image in images] != expected:
            return False
        rows = _decode_rows(b"[" + lane.later + b"]") if lane.later else []
        if not _are_sound_rows(rows, {image.id: (image.width, image.height) for image in images}, category_ids):
            return False
        counted += len(rows)
    return counted == chunk.counts["annotations"]


def _are_sound_rows(
    rows: Sequence[_Row], sizes: dict[int, tuple[int, int]], category_ids: Collection[int]
) -> bool:  # fmt: skip
    for row in rows:
        width, height = sizes[row.image_id]
        x, y, w, h = row.bbox
        if x + w > width + EPSILON or y + h > height + EPSILON:
            return False
        if row.category_id not in category_ids or row.keypoints is not UNSET:
            return False
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
