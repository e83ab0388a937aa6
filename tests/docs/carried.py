"""What each format really makes of each kind of annotation: tried out, one annotation at a time."""

from pathlib import Path

from synapse_sdk.utils.converters import create_writer
from synapse_sdk.utils.converters.formats import CocoOptions, YoloOptions, YoloTask
from synapse_sdk.wire.annotations import ClassSchema

SIZE = (100, 80)
CLASSES = ClassSchema.model_validate({"classes": [{"id": 1, "name": "a", "keypoints": ["left", "right"]}]})
SQUARE = [10, 10, 40, 10, 40, 40, 10, 40]
BOX = {"type": "bbox", "bbox": [10, 10, 30, 20]}
# A mask of the pixels 10…39 of each of the columns 10…39: runs of absent and present pixels by turns.
MASK = {"size": [80, 100], "counts": [10 * 80 + 10, 30, *[50, 30] * 29, 40 + 60 * 80]}

KINDS = {
    "box": BOX,
    "rotated box": {"type": "rotated_bbox", "bbox": [20, 20, 30, 20], "rotation": 30},
    "polygon": {"type": "polygon", "segmentation": [[10, 10, 40, 12, 45, 40, 12, 38, 8, 20]]},
    "polygon of several parts": {"type": "polygon", "segmentation": [SQUARE, [60, 10, 80, 10, 80, 40]]},
    "mask": {"type": "mask", "segmentation": MASK},
    "keypoints": {"type": "keypoints", "keypoints": [10, 10, 2, 40, 40, 1]},
    "polyline": {"type": "polyline", "segmentation": [[10, 10, 40, 10, 40, 40]]},
    "classification": {"type": "classification"},
    "truncated, occluded, difficult, pose": BOX | {"attributes": {"truncated": True, "pose": "Left"}},
    "other attributes": BOX | {"attributes": {"colour": "red"}},
    "score": BOX | {"score": 0.5},
}
# Column by column of the page: the format, and the options that its name stands for.
COLUMNS = {
    "coco": ("coco", CocoOptions()),
    "yolo detect": ("yolo", YoloOptions(task=YoloTask.DETECT)),
    "yolo segment": ("yolo", YoloOptions(task=YoloTask.SEGMENT)),
    "yolo pose": ("yolo", YoloOptions(task=YoloTask.POSE)),
    "yolo obb": ("yolo", YoloOptions(task=YoloTask.OBB)),
    "voc": ("voc", None),
    "csv": ("csv", None),
    "jsonl": ("jsonl", None),
    "webdataset": ("webdataset", None),
    "parquet": ("parquet", None),
}


def carry(column: str, kind: str, folder: Path) -> str:
    """`yes`, `less` (it is there with less than it had, and reported), or `no` (it is not there, and reported)."""
    fmt, options = COLUMNS[column]
    annotation = {"id": 1, "category": "a", **KINDS[kind]}
    unit = {"id": 1, "name": "1.png", "width": SIZE[0], "height": SIZE[1]}
    with create_writer(fmt, folder, classes=CLASSES, options=options) as writer:
        writer.write({"id": 1, "data": {"annotations": [annotation]}, "data_unit": unit, "tags": []}, "1.png")
    report = writer.report
    assert (report.annotations == 1) or report.losses, "dropped without a word"
    return "no" if not report.annotations else "less" if report.losses else "yes"
