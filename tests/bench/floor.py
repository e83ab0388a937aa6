"""The floor: one process that streams the items in and each format out with msgspec, and nothing else.

No manifest, no checksum, no checks, no clipping, no report: what reading and writing these bytes costs, in plain code
that knows its data. Run as `python -m tests.bench.floor FORMAT ITEMS.jsonl FOLDER`.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.items import CLASSES, HEIGHT, WIDTH

NUMBERS = {name: number for number, name in enumerate(CLASSES, 1)}
BUFFER_BYTES = 1 << 20
encode = msgspec.json.Encoder().encode


class Found(msgspec.Struct, omit_defaults=True):
    category: str
    type: str
    bbox: list[float]
    attributes: dict[str, Any]
    segmentation: list[list[float]] = []


class Data(msgspec.Struct):
    annotations: list[Found]


class Files(msgspec.Struct):
    file_name_original: str


class Unit(msgspec.Struct):
    id: int


class Item(msgspec.Struct):
    id: int
    data: Data
    data_unit: Unit
    files: Files


class CocoRow(msgspec.Struct):
    id: int
    image_id: int
    category_id: int
    bbox: list[float]
    area: float
    iscrowd: int
    segmentation: list[list[float]]
    attributes: dict[str, Any]


def read(path: Path) -> Iterator[Item]:
    decode = msgspec.json.Decoder(Item).decode
    with path.open("rb", buffering=BUFFER_BYTES) as file:
        for line in file:
            yield decode(line)


def area_of(points: list[float]) -> float:
    xs, ys = points[::2], points[1::2]
    return abs(sum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(len(xs)))) / 2


def coco(items: Path, folder: Path) -> None:
    side = folder / "annotations.part"
    with (
        (folder / "annotations.json").open("wb", buffering=BUFFER_BYTES) as images,
        side.open("wb", buffering=BUFFER_BYTES) as annotations,
    ):
        images.write(b'{"images":[\n')
        number = 0
        for item in read(items):
            unit, rows = item.data_unit.id, []
            image = {"id": unit, "file_name": item.files.file_name_original, "width": WIDTH, "height": HEIGHT}
            images.write((b",\n" if number else b"") + encode(image))
            for found in item.data.annotations:
                number += 1
                box, outline = found.bbox, found.segmentation
                area = area_of(outline[0]) if outline else box[2] * box[3]
                row = CocoRow(number, unit, NUMBERS[found.category], box, area, 0, outline, found.attributes)
                rows.append(encode(row))
            annotations.write((b",\n" if number > len(rows) else b"") + b",\n".join(rows))
        annotations.close()
        images.write(b'\n],"annotations":[\n')
        with side.open("rb") as rows:
            shutil.copyfileobj(rows, images, BUFFER_BYTES)
        side.unlink()
        images.write(b'\n],"categories":' + encode([{"id": i, "name": n} for n, i in NUMBERS.items()]) + b"}")


def yolo(items: Path, folder: Path) -> None:
    for item in read(items):
        lines = []
        for found in item.data.annotations:
            x, y, w, h = found.bbox
            lines.append(
                f"{NUMBERS[found.category] - 1} {(x + w / 2) / WIDTH:.7f} {(y + h / 2) / HEIGHT:.7f} "
                f"{w / WIDTH:.7f} {h / HEIGHT:.7f}\n"
            )
        with open(f"{folder}/{item.files.file_name_original.partition('.')[0]}.txt", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("".join(lines))


def voc(items: Path, folder: Path) -> None:
    for item in read(items):
        name = item.files.file_name_original
        head = (
            f"<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>{name}</filename>\n"
            "\t<source>\n\t\t<database>Synapse</database>\n\t</source>\n"
            f"\t<size>\n\t\t<width>{WIDTH}</width>\n\t\t<height>{HEIGHT}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
            "\t<segmented>0</segmented>\n"
        )
        parts = [head]
        for found in item.data.annotations:
            x, y, w, h = found.bbox
            flags = found.attributes
            parts.append(
                f"\t<object>\n\t\t<name>{found.category}</name>\n\t\t<pose>Unspecified</pose>\n"
                f"\t\t<truncated>{flags['truncated']:d}</truncated>\n\t\t<occluded>{flags['occluded']:d}</occluded>\n"
                f"\t\t<difficult>0</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>{x + 1:.7g}</xmin>\n"
                f"\t\t\t<ymin>{y + 1:.7g}</ymin>\n\t\t\t<xmax>{x + w:.7g}</xmax>\n\t\t\t<ymax>{y + h:.7g}</ymax>\n"
                "\t\t</bndbox>\n\t</object>\n"
            )
        parts.append("</annotation>\n")
        with open(f"{folder}/{name.partition('.')[0]}.xml", "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write("".join(parts))


def csv(items: Path, folder: Path) -> None:
    with (folder / "annotations.csv").open("w", buffering=BUFFER_BYTES) as file:
        file.write("item_id,file_name,width,height,,,,type,category,x,y,w,h,,segmentation,,,,attributes,\n")
        for item in read(items):
            image = f"{item.id},{item.files.file_name_original},{WIDTH},{HEIGHT},,,,"
            for found in item.data.annotations:
                x, y, w, h = found.bbox
                outline = f'"{encode(found.segmentation).decode()}"' if found.segmentation else ""
                more = encode(found.attributes).decode().replace('"', '""')
                file.write(f'{image}{found.type},{found.category},{x},{y},{w},{h},,{outline},,,,"{more}",\n')


def jsonl(items: Path, folder: Path) -> None:
    with (folder / "annotations.jsonl").open("wb", buffering=BUFFER_BYTES) as file:
        for item in read(items):
            row = {
                "id": item.id,
                "file_name": item.files.file_name_original,
                "width": WIDTH,
                "height": HEIGHT,
                "split": None,
                "tags": [],
                "annotations": item.data.annotations,
            }
            file.write(encode(row) + b"\n")


FLOORS = {"coco": coco, "yolo": yolo, "voc": voc, "csv": csv, "jsonl": jsonl}

if __name__ == "__main__":
    FLOORS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
