"""Reads finished exports with software that is not ours: what it counts is what a trainer will see.

Runs as a process of its own (`python -m web_helper.launcher.third_party FORMAT FOLDER`, JSON out): these libraries
print what they like to the terminal.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import yaml

from synapse_sdk.exceptions import FormatError


class Accepted(msgspec.Struct, frozen=True):
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
    # Axes: overlap, recall, class, size (first: any), number of objects looked at (last: all).
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    mean = float(precision[precision > -1].reshape(-1).mean())
    if mean < 1:
        raise FormatError(f"The truth evaluated against itself has a mean average precision of {mean:.3f}, not 1.")
    note = f"mAP against itself {mean:.3f}"
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


def accept(fmt: str, folder: Path) -> Accepted:
    """Read an export with other software.

    Raises:
        FormatError: It does not accept the export; the message is its own last line.
    """
    done = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "web_helper.launcher.third_party", fmt, str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise FormatError(f"Other software does not accept the {fmt} export in {folder}: {' '.join(reason)}")
    return msgspec.json.decode(done.stdout, type=Accepted)


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(READERS[sys.argv[1]](Path(sys.argv[2]))).decode())
