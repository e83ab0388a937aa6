"""Small data sets on disk, each image with content of its own, and transports that disturb an import."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx2
from PIL import Image

SIZE = (40, 30)


def draw_image(path: Path, number: int) -> None:
    """An image whose bytes differ for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    color = (number % 256, number // 256 % 256, 77)
    Image.new("RGB", SIZE, color).save(path)


def voc_xml(file_name: str, *boxes: tuple[str, int, int, int, int], size: tuple[int, int] = SIZE) -> str:
    objects = "\n".join(
        f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax>"
        f"<ymax>{bottom}</ymax></bndbox></object>"
        for name, left, top, right, bottom in boxes
    )
    return (
        f"<annotation>\n<filename>{file_name}</filename>\n<size><width>{size[0]}</width><height>{size[1]}</height>"
        f"<depth>3</depth></size>\n{objects}\n</annotation>\n"
    )


def make_voc(folder: Path, count: int, *, first: int = 0) -> Path:
    """`count` images with one box each."""
    (folder / "Annotations").mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        draw_image(folder / "JPEGImages" / f"{number:04}.png", number)
        xml = voc_xml(f"{number:04}.png", ("owl", 2, 3, 20, 20))
        (folder / "Annotations" / f"{number:04}.xml").write_text(xml)
    return folder


def make_coco(folder: Path, count: int, **changes: object) -> Path:
    """`count` images with one box each, and any part of the file replaced."""
    for number in range(count):
        draw_image(folder / "images" / f"{number}.png", number)
    document = {
        "images": [{"id": n + 1, "file_name": f"{n}.png", "width": SIZE[0], "height": SIZE[1]} for n in range(count)],
        "annotations": [
            {"id": n + 1, "image_id": n + 1, "category_id": 7, "bbox": [1, 2, 10.5, 8], "area": 84, "iscrowd": 0}
            for n in range(count)
        ],
        "categories": [{"id": 7, "name": "car"}, {"id": 9, "name": "bus"}],
        **changes,
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(document))
    return path


def make_yolo(folder: Path, count: int) -> Path:
    """`count` images with one box each, half of them for training."""
    for number in range(count):
        split = "train" if number % 2 == 0 else "val"
        draw_image(folder / "images" / split / f"{number}.png", number)
        label = folder / "labels" / split / f"{number}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("1 0.5 0.5 0.25 0.2\n")
    path = folder / "dataset.yaml"
    path.write_text("path: .\ntrain: images/train\nval: images/val\nnames:\n  0: can\n  1: bottle\n")
    return path


class InterruptingTransport(httpx2.BaseTransport):
    """Presses Ctrl-C while a request is on its way: the n-th whose path ends so."""

    def __init__(
        self, inner: httpx2.BaseTransport, *, before: int = 1, presses: int = 1, path: str = "/import-items/"
    ) -> None:
        self._inner = inner
        self._path = path
        self._before = before
        self._presses = presses
        self._count = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith(self._path):
            self._count += 1
            for _ in range(self._presses if self._count == self._before else 0):
                signal.raise_signal(signal.SIGINT)
        return self._inner.handle_request(request)
