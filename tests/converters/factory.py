"""Items, class schemas and data sets on disk for the tests of formats."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from synapse_sdk.utils.converters import (
    BadFile,
    CocoOptions,
    CocoTask,
    Format,
    SourceItem,
    WriterOptions,
    WriterReport,
    YoloOptions,
    YoloTask,
    create_writer,
    read_dataset,
)
from synapse_sdk.wire.annotations import ClassDefinition, ClassSchema

WIDTH, HEIGHT = 64, 48
POINTS = ["nose", "tail"]

YOLO = {task: YoloOptions(task=task) for task in YoloTask}
COCO = {task: CocoOptions(task=task) for task in CocoTask}


def schema(*names: str, first: int = 1, keypoints: list[str] | None = None) -> ClassSchema:
    names = names or ("cat", "dog")
    return ClassSchema(classes=[ClassDefinition(id=i, name=n, keypoints=keypoints) for i, n in enumerate(names, first)])


def box(x: float = 10, y: float = 12, w: float = 20, h: float = 15, **more: Any) -> dict[str, Any]:
    return {"type": "bbox", "category": "cat", "bbox": [x, y, w, h], **more}


def polygon(*points: float, **more: Any) -> dict[str, Any]:
    points = points or (5, 5, 30, 6, 25, 40)
    return {"type": "polygon", "category": "cat", "segmentation": [list(points)], **more}


def item(
    number: int = 1, *annotations: dict[str, Any], size: tuple[int, int] | None = (WIDTH, HEIGHT), **more: Any
) -> dict:
    unit = {"id": number, "name": f"{number}.png"}
    if size:
        unit |= {"width": size[0], "height": size[1]}
    return {"id": number, "data": {"annotations": list(annotations)}, "data_unit": unit, "tags": [], **more}


def save_image(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path)
    return path


def write(
    folder: Path,
    fmt: Format | str,
    items: Iterable[dict[str, Any]],
    *,
    classes: ClassSchema | None = None,
    options: WriterOptions | None = None,
    split: str | None = None,
    with_images: bool = True,
) -> WriterReport:
    """Write items with an image each, named `<id>.png`."""
    with create_writer(fmt, folder, classes=classes or schema(), options=options) as writer:
        for row in items:
            name = f"{row['id']}.png"
            if writer.write(row, name, split) and with_images:
                save_image(
                    folder / writer.image_path(name, split), (row["data_unit"]["width"], row["data_unit"]["height"])
                )
    return writer.report


def read(fmt: Format | str, path: Path, images: Path | None = None) -> tuple[list[SourceItem], list[BadFile]]:
    found = list(read_dataset(fmt, path, images=images))
    return [f for f in found if isinstance(f, SourceItem)], [f for f in found if isinstance(f, BadFile)]


def annotations(found: Sequence[SourceItem]) -> list[dict[str, Any]]:
    return [annotation for source in found for annotation in source.data["annotations"]]


def losses(report: WriterReport) -> list[tuple[Any, Any, str]]:
    return [(skip.item_id, skip.annotation_id, skip.reason_code.value) for skip in report.skipped]


def coco_json(path: Path, **sections: Any) -> Path:
    """A COCO file with one image `a.png` of 64 x 48 beside it, unless told otherwise."""
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "annotations": [],
        "categories": [{"id": 1, "name": "cat"}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content | sections))
    save_image(path.parent / "images" / "a.png")
    return path


def coco_annotation(**more: Any) -> dict[str, Any]:
    found = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 10], "area": 100, "iscrowd": 0}
    return found | more
