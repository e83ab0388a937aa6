"""The items of the benchmark: an image with eight boxes and one polygon, with attributes, about 1.6 KB of JSON."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

CLASSES = ["car", "bus", "bicycle", "pedestrian", "sign", "light", "dog", "cat"]
WIDTH, HEIGHT = 1920, 1080


def generate_items(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Rows in the shape that both export heads hand to a converter; the same seed gives the same rows."""
    rng = random.Random(seed)
    for number in range(1, count + 1):
        name = f"frame_{number:08d}.png"
        yield {
            "id": number,
            "data": {"annotations": [_box(rng) for _ in range(8)] + [_polygon(rng)]},
            "data_unit": {"id": number, "name": name, "width": WIDTH, "height": HEIGHT},
            "files": {"file_name_original": name},
            "tags": [],
        }


def _box(rng: random.Random) -> dict[str, Any]:
    x, y = round(rng.uniform(0, WIDTH - 210), 2), round(rng.uniform(0, HEIGHT - 210), 2)
    width, height = round(rng.uniform(5, 200), 2), round(rng.uniform(5, 200), 2)
    attributes = {"occluded": rng.random() < 0.2, "truncated": rng.random() < 0.1, "speed": rng.randint(0, 120)}
    return {
        "type": "bbox",
        "category": rng.choice(CLASSES),
        "bbox": [x, y, width, height],
        "attributes": attributes,
    }


def _polygon(rng: random.Random) -> dict[str, Any]:
    x, y = rng.uniform(50, WIDTH - 250), rng.uniform(50, HEIGHT - 250)
    corners = ((0, 0), (120, -30), (190, 60), (150, 170), (40, 190), (-30, 80))
    points = [round(v + rng.uniform(-10, 10), 2) for dx, dy in corners for v in (x + dx, y + dy)]
    xs, ys = points[::2], points[1::2]
    box = [min(xs), min(ys), round(max(xs) - min(xs), 2), round(max(ys) - min(ys), 2)]
    return {"type": "polygon", "category": rng.choice(CLASSES), "bbox": box, "segmentation": [points]}


def write_items(path: Path, count: int) -> None:
    """The floor's input: rows as an export head hands them on."""
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        for item in generate_items(count):
            file.write(encoder.encode(item) + b"\n")


def write_dataset(path: Path, count: int) -> None:
    """The same items as a JSONL data set to import."""
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        for item in generate_items(count):
            unit = item["data_unit"]
            size = {"width": unit["width"], "height": unit["height"]}
            row = {"file_name": unit["name"], **size, "annotations": item["data"]["annotations"]}
            file.write(encoder.encode(row) + b"\n")
