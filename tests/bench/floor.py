"""The floor: one process that streams the items in and each format out with msgspec, and nothing else.

No manifest, no checks, no clipping, no report: what reading and writing these bytes costs. Run as
`python -m tests.bench.floor FORMAT ITEMS.jsonl FOLDER`.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.items import CLASSES, HEIGHT, WIDTH

NUMBERS = {name: number for number, name in enumerate(CLASSES, 1)}
encode = msgspec.json.Encoder().encode


def read(path: Path) -> Iterator[dict[str, Any]]:
    decode = msgspec.json.Decoder().decode
    with path.open("rb") as file:
        for line in file:
            yield decode(line)


def coco(items: Path, folder: Path) -> None:
    side = folder / "annotations.part"
    with (folder / "annotations.json").open("wb") as images, side.open("wb") as annotations:
        images.write(b'{"images":[\n')
        number = 0
        for item in read(items):
            unit = item["data_unit"]
            image = {"id": unit["id"], "file_name": unit["name"], "width": unit["width"], "height": unit["height"]}
            images.write((b"" if item["id"] == 1 else b",\n") + encode(image))
            for found in item["data"]["annotations"]:
                number += 1
                box = found["bbox"]
                row = {
                    "id": number,
                    "image_id": unit["id"],
                    "category_id": NUMBERS[found["category"]],
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "segmentation": found.get("segmentation", []),
                    "attributes": found.get("attributes", {}),
                }
                annotations.write((b"" if number == 1 else b",\n") + encode(row))
        annotations.close()
        images.write(b'\n],"annotations":[\n')
        with side.open("rb") as rows:
            shutil.copyfileobj(rows, images, 1 << 20)
        side.unlink()
        images.write(b'\n],"categories":' + encode([{"id": i, "name": n} for n, i in NUMBERS.items()]) + b"}")


def yolo(items: Path, folder: Path) -> None:
    for item in read(items):
        lines = []
        for found in item["data"]["annotations"]:
            x, y, w, h = found["bbox"]
            center = f"{(x + w / 2) / WIDTH:.6f} {(y + h / 2) / HEIGHT:.6f}"
            lines.append(f"{NUMBERS[found['category']] - 1} {center} {w / WIDTH:.6f} {h / HEIGHT:.6f}\n")
        (folder / f"{item['data_unit']['name'][:-4]}.txt").write_text("".join(lines))


def voc(items: Path, folder: Path) -> None:
    for item in read(items):
        unit = item["data_unit"]
        head = (
            f"<annotation>\n  <filename>{unit['name']}</filename>\n  <size>\n    <width>{WIDTH}</width>\n"
            f"    <height>{HEIGHT}</height>\n    <depth>3</depth>\n  </size>\n"
        )
        parts = [head]
        for found in item["data"]["annotations"]:
            x, y, w, h = found["bbox"]
            parts.append(
                f"  <object>\n    <name>{found['category']}</name>\n    <pose>Unspecified</pose>\n"
                f"    <truncated>0</truncated>\n    <difficult>0</difficult>\n    <bndbox>\n      <xmin>{x + 1:.2f}</xmin>\n"
                f"      <ymin>{y + 1:.2f}</ymin>\n      <xmax>{x + w:.2f}</xmax>\n      <ymax>{y + h:.2f}</ymax>\n"
                "    </bndbox>\n  </object>\n"
            )
        (folder / f"{unit['name'][:-4]}.xml").write_text("".join([*parts, "</annotation>\n"]))


def csv(items: Path, folder: Path) -> None:
    with (folder / "annotations.csv").open("w") as file:
        file.write("item_id,file_name,width,height,category,x,y,w,h,attributes\n")
        for item in read(items):
            name = item["data_unit"]["name"]
            for found in item["data"]["annotations"]:
                box = ",".join(map(str, found["bbox"]))
                more = encode(found.get("attributes", {})).decode().replace('"', '""')
                file.write(f'{item["id"]},{name},{WIDTH},{HEIGHT},{found["category"]},{box},"{more}"\n')


def jsonl(items: Path, folder: Path) -> None:
    with (folder / "items.jsonl").open("wb") as file:
        for item in read(items):
            file.write(encode(item) + b"\n")


FLOORS = {"coco": coco, "yolo": yolo, "voc": voc, "csv": csv, "jsonl": jsonl}

if __name__ == "__main__":
    FLOORS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
