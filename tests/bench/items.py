"""The items of the benchmark: an image with eight boxes, 15 % of them outlined by a polygon, about 1.6 KB of JSON.

Annotations are drawn once and used again in turn: neither a converter nor a database is faster for having seen the same
numbers before, and ten million items are then written as fast as the disk takes them.
"""

import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

CLASSES = ["car", "bus", "bicycle", "pedestrian", "sign", "light", "dog", "cat"]
WIDTH, HEIGHT = 1920, 1080
BOXES = 8
POLYGONS = 0.15
DRAWN = 2000
ITEM = b'{"id":%d,"data":%b,"data_unit":%b,"files":{"file_name_original":"%b"},"tags":[]}\n'
UNIT = b'{"id":%d,"name":"%b","width":1920,"height":1080}'

encode = msgspec.json.Encoder().encode


@cache
def drawn(seed: int = 0) -> tuple[dict[str, Any], ...]:
    """Annotation data of items; the same seed gives the same."""
    rng = random.Random(seed)
    return tuple({"annotations": [_annotation(rng) for _ in range(BOXES)]} for _ in range(DRAWN))


@cache
def drawn_texts(seed: int = 0) -> tuple[bytes, ...]:
    """The same as the database stores it: compact JSON."""
    return tuple(encode(data) for data in drawn(seed))


def name_of(number: int) -> str:
    return f"frame_{number:08d}.png"


def generate_items(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Rows in the shape that both export heads hand to a converter."""
    data = drawn(seed)
    for number in range(1, count + 1):
        name = name_of(number)
        yield {
            "id": number,
            "data": data[number % DRAWN],
            "data_unit": {"id": number, "name": name, "width": WIDTH, "height": HEIGHT},
            "files": {"file_name_original": name},
            "tags": [],
        }


def item_lines(count: int, seed: int = 0, name_of: Callable[[int], str] = name_of) -> Iterator[bytes]:
    """The same rows as lines of JSON. An exported item that has no file is named by its number."""
    texts = drawn_texts(seed)
    for number in range(1, count + 1):
        name = name_of(number).encode()
        yield ITEM % (number, texts[number % DRAWN], UNIT % (number, name), name)


def write_items(path: Path, count: int, name_of: Callable[[int], str] = name_of) -> None:
    """The floor's input."""
    with path.open("wb") as file:
        file.writelines(item_lines(count, name_of=name_of))


def write_dataset(path: Path, count: int) -> None:
    """The same items as a JSONL data set to import."""
    with path.open("wb") as file:
        for item in generate_items(count):
            unit = item["data_unit"]
            size = {"width": unit["width"], "height": unit["height"]}
            row = {"file_name": unit["name"], **size, "annotations": item["data"]["annotations"]}
            file.write(encode(row) + b"\n")


def _annotation(rng: random.Random) -> dict[str, Any]:
    found = _polygon(rng) if rng.random() < POLYGONS else _box(rng)
    attributes = {
        "occluded": rng.random() < 0.2,
        "truncated": rng.random() < 0.1,
        "speed": rng.randint(0, 120),
        "source": rng.choice(["person", "model v3", "tracker"]),
    }
    return {"category": rng.choice(CLASSES), **found, "attributes": attributes}


def _box(rng: random.Random) -> dict[str, Any]:
    x, y = round(rng.uniform(0, WIDTH - 210), 2), round(rng.uniform(0, HEIGHT - 210), 2)
    width, height = round(rng.uniform(5, 200), 2), round(rng.uniform(5, 200), 2)
    return {"type": "bbox", "bbox": [x, y, width, height]}


def _polygon(rng: random.Random) -> dict[str, Any]:
    x, y = rng.uniform(50, WIDTH - 250), rng.uniform(50, HEIGHT - 250)
    corners = ((0, 0), (120, -30), (190, 60), (150, 170), (40, 190), (-30, 80))
    points = [round(v + rng.uniform(-10, 10), 2) for dx, dy in corners for v in (x + dx, y + dy)]
    xs, ys = points[::2], points[1::2]
    box = [min(xs), min(ys), round(max(xs) - min(xs), 2), round(max(ys) - min(ys), 2)]
    return {"type": "polygon", "bbox": box, "segmentation": [points]}
