"""Reads finished exports with software that is not ours: what it counts is what a trainer will see."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Accepted:
    """What another program read.

    Attributes:
        boxes: Objects with a box.
        note: What else it was asked, in words.
    """

    reader: str
    images: int
    boxes: int
    classes: int
    note: str = ""


def read_coco(folder: Path) -> Accepted:
    """Load with pycocotools and evaluate the truth against itself: the mean average precision must be 1."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(next(folder.rglob("annotations*.json"))))
        boxes = [{**annotation, "score": 1.0} for annotation in truth.dataset["annotations"]]
        evaluation = COCOeval(truth, truth.loadRes(boxes), "bbox")
        # The default looks at the 100 best objects of an image; photographs of the sky have more.
        evaluation.params.maxDets = [1, 100, 10_000]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]
    mean = float(precision[precision > -1].reshape(-1).mean())
    note = f"mean average precision against itself {mean:.3f}"
    return Accepted("pycocotools", len(truth.imgs), len(truth.anns), len(truth.cats), note)


def read_yolo(folder: Path) -> Accepted:
    """Load with supervision, split by split."""
    import supervision

    data_yaml = next(path for name in ("data.yaml", "dataset.yaml") for path in folder.rglob(name))
    config = yaml.safe_load(data_yaml.read_text())
    splits = {value for key in ("train", "val", "test") if (value := config.get(key))}
    images = boxes = 0
    for split in sorted(splits):
        image_folder = data_yaml.parent / split
        labels = Path(str(image_folder).replace("images", "labels", 1)) if "images" in split else image_folder
        dataset = supervision.DetectionDataset.from_yolo(str(image_folder), str(labels), str(data_yaml))
        images += len(dataset)
        boxes += sum(len(detections) for detections in dataset.annotations.values())
    return Accepted("supervision", images, boxes, len(config["names"]))


def read_voc(folder: Path) -> Accepted:
    """Load with supervision."""
    import supervision

    annotations = next(folder.rglob("Annotations"))
    dataset = supervision.DetectionDataset.from_pascal_voc(str(annotations.parent / "JPEGImages"), str(annotations))
    boxes = sum(len(detections) for detections in dataset.annotations.values())
    return Accepted("supervision", len(dataset), boxes, len(dataset.classes))


READERS: dict[str, Callable[[Path], Accepted]] = {"coco": read_coco, "yolo": read_yolo, "voc": read_voc}
