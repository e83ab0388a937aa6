"""What is proven of a block's bytes while it is written: each way in which they could be wrong is not proven."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from synapse_sdk.utils.converters import create_writer
from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks import BlockItem, Chunk
from synapse_sdk.utils.converters.blocks.checks import is_proven
from tests.converters.factory import box, polygon, schema

FORMATS = ["coco", "yolo", "voc", "csv", "jsonl"]
ATTRIBUTES = {"occluded": True, "truncated": False, "note": 'a "quoted", line\n'}
Change = Callable[[bytes], bytes]


def block_of(fmt: str, folder: Path) -> tuple[DatasetWriter, Chunk, list[BlockItem]]:
    """Three items: with boxes and an outline, without annotations, and with one box."""
    outlined = polygon(5, 5, 30, 6, 25, 40, bbox=[5, 5, 25, 35], attributes={})
    found: list[list[dict[str, Any]]] = [
        [box(10, 12, 20, 15, attributes=ATTRIBUTES), box(20, 13, 21.5, 16, category="dog"), outlined],
        [],
        [box(10, 2, 30, 31)],
    ]
    items = [
        BlockItem(
            number + 40, f"name {number}, é.png", _data(annotations), width=64, height=48, tags=(), image_id=number + 70
        )
        for number, annotations in enumerate(found)
    ]
    writer = create_writer(fmt, folder, classes=schema())
    return writer, writer.convert_block(items), items


def _data(annotations: list[dict[str, Any]]) -> memoryview:
    return memoryview(msgspec.json.encode({"annotations": annotations}))


def replaced(old: bytes, new: bytes) -> Change:
    def change(data: bytes) -> bytes:
        assert old in data, (old, data)
        return data.replace(old, new, 1)

    return change


def without_line(marker: bytes) -> Change:
    def change(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        (place, *_) = [number for number, line in enumerate(lines) if marker in line]
        return b"".join(lines[:place] + lines[place + 1 :])

    return change


def twice(marker: bytes) -> Change:
    def change(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        (place, *_) = [number for number, line in enumerate(lines) if marker in line]
        return b"".join(lines[: place + 1] + lines[place:])

    return change


def first_lines(change: Change, chunk: Chunk) -> None:
    chunk.lanes[0].first = change(chunk.lanes[0].first)


def later_lines(change: Change, chunk: Chunk) -> None:
    chunk.lanes[0].later = change(chunk.lanes[0].later)


def first_file(change: Change, chunk: Chunk) -> None:
    path, data = chunk.files[0]
    chunk.files[0] = path, change(data)


COCO = [
    (first_lines, replaced(b'"id":70', b'"id":71')),
    (first_lines, replaced(b"name 0", b"name 9")),
    (first_lines, replaced(b'"width":64', b'"width":65')),
    (first_lines, without_line(b"name 1")),
    (first_lines, lambda data: data[:-1]),
    (later_lines, replaced(b'"category_id":2', b'"category_id":3')),
    (later_lines, replaced(b'"image_id":70', b'"image_id":69')),
    (later_lines, replaced(b"20,15", b"60,15")),
    (later_lines, replaced(b"20,15", b"20,45")),
    (later_lines, replaced(b"20,15", b"-20,15")),
    (later_lines, replaced(b"20,15", b"0,15")),
    (later_lines, replaced(b"10,12,", b"-10,12,")),
    (later_lines, replaced(b"10,12,", b"10,")),
    (later_lines, replaced(b'"area":300', b'"area":0')),
    (later_lines, replaced(b'"iscrowd":0', b'"iscrowd":2')),
    (later_lines, replaced(b"25,40]", b"25]")),
    (later_lines, replaced(b",25,40]", b"]")),
    (later_lines, replaced(b'"bbox"', b'"bbos"')),
    (later_lines, replaced(b'"iscrowd":0', b'"iscrowd":0,"keypoints":[1,2,2]')),
    (later_lines, replaced(b'\\"quoted', b'"quoted')),
    (later_lines, without_line(b'"id":2,')),
    (later_lines, twice(b'"id":2,')),
    (later_lines, lambda data: data[:-1]),
]
YOLO = [
    (first_file, replaced(b"0 0.3125", b"0 1.3125")),
    (first_file, replaced(b"0 0.3125", b"2 0.3125")),
    (first_file, replaced(b"0 0.3125", b"0 0.312\x35\x00")),
    (first_file, replaced(b"0 0.3125", b"0 nan")),
    (first_file, replaced(b"0 0.3125 ", b"0 ")),
    (first_file, without_line(b"0 0.3125")),
    (first_file, twice(b"0 0.3125")),
    (first_file, lambda data: data[:-1]),
]
VOC = [
    (first_file, replaced(b"name 0", b"name 9")),
    (first_file, replaced(b"<width>64", b"<width>65")),
    (first_file, replaced(b"<depth>3", b"<depth>4")),
    (first_file, replaced(b"<name>dog", b"<name>cow")),
    (first_file, replaced(b"<xmin>11", b"<xmin>0")),
    (first_file, replaced(b"<xmin>11", b"<xmin>31")),
    (first_file, replaced(b"<xmin>11", b"<xmin>1x")),
    (first_file, replaced(b"<xmax>30", b"<xmax>65")),
    (first_file, replaced(b"<ymax>27", b"<ymax>49")),
    (first_file, replaced(b"<ymin>13", b"<ymin>-3")),
    (first_file, replaced(b"<occluded>1", b"<occluded>2")),
    (first_file, replaced(b"<pose>", b"<pose>&")),
    (first_file, replaced(b"</bndbox>", b"</bndbos>")),
    (first_file, replaced(b"\t<object>", b"\t<objects>")),
    (first_file, without_line(b"<object>")),
    (first_file, without_line(b"</annotation>")),
    (first_file, lambda data: data[:-1]),
    (first_lines, without_line(b"name 1")),
]
CSV = [
    (first_lines, replaced(b"40,", b"41,")),
    (first_lines, replaced(b"name 0", b"name 9")),
    (first_lines, replaced(b",dog,", b",cow,")),
    (first_lines, replaced(b",bbox,", b",bbos,")),
    (first_lines, replaced(b",20,15,", b",20,0,")),
    (first_lines, replaced(b",20,15,", b",-20,15,")),
    (first_lines, replaced(b",10,12,", b",,12,")),
    (first_lines, replaced(b",10,12,", b",1x,12,")),
    (first_lines, replaced(b",20,15,,", b",20,15,5,")),
    (first_lines, replaced(b",25,40]", b",25]")),
    (first_lines, replaced(b",25,40]", b",25,40")),
    (first_lines, replaced(b",25,40]", b"]")),
    (first_lines, replaced(b",polygon,", b",bbox,")),
    (first_lines, replaced(b'{""occluded"":true', b'{""occluded"":yes')),
    (first_lines, replaced(b'{""occluded""', b'""occluded""')),
    (first_lines, replaced(b'{""occluded""', b'{},{""occluded""')),
    (first_lines, replaced(b'{""occluded""', b'{"occluded""')),
    (first_lines, without_line(b",dog,")),
    (first_lines, without_line(b"name 1")),
    (first_lines, twice(b",dog,")),
    (first_lines, twice(b"name 1")),
    (first_lines, lambda data: data[:-1].rpartition(b",")[0]),
]
JSONL = [
    (first_lines, replaced(b'"id":40', b'"id":41')),
    (first_lines, replaced(b"name 0", b"name 9")),
    (first_lines, replaced(b'"dog"', b'"cow"')),
    (first_lines, replaced(b'"bbox",', b'"bbos",')),
    (first_lines, replaced(b"20,15]", b"20,0]")),
    (first_lines, replaced(b"20,15]", b"20]")),
    (first_lines, replaced(b",25,40]", b",25]")),
    (first_lines, replaced(b",25,40]", b"]")),
    (first_lines, replaced(b'"polygon"', b'"bbox"')),
    (first_lines, without_line(b"name 1")),
    (first_lines, twice(b"name 1")),
    (first_lines, lambda data: data[:-2]),
]
MUTANTS = {"coco": COCO, "yolo": YOLO, "voc": VOC, "csv": CSV, "jsonl": JSONL}


@pytest.mark.parametrize("fmt", FORMATS)
def test_what_a_writer_makes_is_proven(tmp_path, fmt):
    assert is_proven(*block_of(fmt, tmp_path))


@pytest.mark.parametrize(("fmt", "number"), [(fmt, number) for fmt in FORMATS for number in range(len(MUTANTS[fmt]))])
def test_a_change_that_breaks_a_rule_is_not_proven(tmp_path, fmt, number):
    writer, chunk, items = block_of(fmt, tmp_path)
    where, change = MUTANTS[fmt][number]
    where(change, chunk)
    assert not is_proven(writer, chunk, items)


@pytest.mark.parametrize("fmt", ["yolo", "voc"])
def test_a_file_of_another_name_or_none_is_not_proven(tmp_path, fmt):
    writer, chunk, items = block_of(fmt, tmp_path)
    path, data = chunk.files[0]
    chunk.files[0] = path.replace("name 0", "name 7"), data
    assert not is_proven(writer, chunk, items)
    chunk.files.pop()
    assert not is_proven(writer, chunk, items)


@pytest.mark.parametrize("fmt", FORMATS)
def test_items_that_were_lost_or_swapped_are_not_proven(tmp_path, fmt):
    writer, chunk, items = block_of(fmt, tmp_path)
    assert not is_proven(writer, chunk, items[:2])
    assert not is_proven(writer, chunk, [items[1], items[0], items[2]])
    chunk.counts["annotations"] += 1
    assert not is_proven(writer, chunk, items)
