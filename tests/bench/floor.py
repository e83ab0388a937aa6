"""The floor: one process that streams the items in and each format out with msgspec, and nothing else.

No manifest, no checksum, no checks, no clipping, no report: what reading and writing these bytes costs, in plain code
that knows its data. The bytes are those of an export (`different_files`, which every comparison asserts).

Run as `python -m tests.bench.floor FORMAT ITEMS.jsonl FOLDER`; prints the CPU seconds that it took without its start.
"""

import filecmp
import shutil
import sys
import time
from collections.abc import Iterator
from operator import mul
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.items import CLASSES, HEIGHT, WIDTH

NUMBERS = {name: number for number, name in enumerate(CLASSES, 1)}
COCO_HEAD = b'{"info":{"description":"Synapse export","version":"1.0"},"licenses":[],\n"images":[\n'
CSV_HEAD = (
    "item_id,file_name,image_width,image_height,split,tags,annotation_id,type,category,x,y,width,height,rotation,"
    "segmentation,keypoints,area,iscrowd,attributes,score\n"
)
DATA_YAML = "train: images/train\nval: images/train\ntask: detect\nnc: {}\nnames: {{{}}}\n"
BUFFER_BYTES = 1 << 20
encode = msgspec.json.Encoder().encode


class Found(msgspec.Struct, omit_defaults=True):
    category: str
    type: str
    bbox: list[float]
    segmentation: list[list[float]] = []
    attributes: dict[str, Any] = {}


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
    return abs(sum(map(mul, xs, [*ys[1:], ys[0]])) - sum(map(mul, ys, [*xs[1:], xs[0]]))) / 2


def coco(items: Path, folder: Path) -> None:
    side = folder / "annotations.part"
    with (
        (folder / "annotations.json").open("wb", buffering=BUFFER_BYTES) as images,
        side.open("wb", buffering=BUFFER_BYTES) as annotations,
    ):
        images.write(COCO_HEAD)
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
        images.write(b'\n],\n"annotations":[\n')
        with side.open("rb") as rows:
            shutil.copyfileobj(rows, images, BUFFER_BYTES)
        side.unlink()
        categories = [{"id": i, "name": n, "supercategory": ""} for n, i in NUMBERS.items()]
        images.write(b'\n],\n"categories":' + encode(categories) + b"}\n")


def yolo(items: Path, folder: Path) -> None:
    labels = folder / "labels" / "train"
    labels.mkdir(parents=True)
    for item in read(items):
        lines = []
        for found in item.data.annotations:
            x, y, w, h = found.bbox
            values = f"{(x + w / 2) / WIDTH:.7f} {(y + h / 2) / HEIGHT:.7f} {w / WIDTH:.7f} {h / HEIGHT:.7f}"
            if "0 " in values or values.endswith("0"):
                values = " ".join([value.rstrip("0").rstrip(".") for value in values.split(" ")])
            lines.append(f"{NUMBERS[found.category] - 1} {values}\n")
        with open(f"{labels}/{item.files.file_name_original.partition('.')[0]}.txt", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("".join(lines))
    names = ", ".join(f"{number}: {name}" for number, name in enumerate(CLASSES))
    (folder / "data.yaml").write_text(DATA_YAML.format(len(CLASSES), names))


def voc(items: Path, folder: Path) -> None:
    sets, trees = folder / "ImageSets" / "Main", folder / "Annotations"
    sets.mkdir(parents=True)
    trees.mkdir()
    stems = (sets / "trainval.txt").open("w", buffering=BUFFER_BYTES)
    for item in read(items):
        name = item.files.file_name_original
        head = (
            f"<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>{name}</filename>\n"
            "\t<source>\n\t\t<database>Synapse export</database>\n\t</source>\n"
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
        stem = name.partition(".")[0]
        stems.write(f"{stem}\n")
        with open(f"{trees}/{stem}.xml", "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write("".join(parts))
    stems.close()
    lines = ["# label:color_rgb:parts:actions", *(f"{name}:::" for name in CLASSES)]
    (folder / "labelmap.txt").write_text("\n".join(lines) + "\n")


def csv(items: Path, folder: Path) -> None:
    with (folder / "annotations.csv").open("w", buffering=BUFFER_BYTES) as file:
        file.write(CSV_HEAD)
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


def different_files(floors: Path, ours: Path) -> list[str]:
    """Files of the floor that an export does not have with the same bytes."""
    paths = (path.relative_to(floors) for path in floors.rglob("*") if path.is_file())
    return [
        str(path)
        for path in paths
        if not (ours / path).is_file() or not filecmp.cmp(floors / path, ours / path, shallow=False)
    ]


if __name__ == "__main__":
    started = time.process_time()
    FLOORS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    print(time.process_time() - started)
