"""The formats that can be written and read, and what a caller may choose about each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """A data set format."""

    COCO = "coco"
    YOLO = "yolo"
    VOC = "voc"
    CSV = "csv"
    JSONL = "jsonl"


class CocoTask(StrEnum):
    """What a COCO file is for: all carry every geometry that an annotation has, the task says what each must have."""

    DETECTION = "detection"
    SEGMENTATION = "segmentation"
    KEYPOINTS = "keypoints"


class YoloTask(StrEnum):
    """What the rows of a YOLO label file are. A file never mixes two kinds: trainers skip it."""

    DETECT = "detect"
    SEGMENT = "segment"
    POSE = "pose"
    OBB = "obb"


@dataclass(frozen=True, slots=True)
class CocoOptions:
    """How to write COCO.

    Attributes:
        task: In `segmentation` a box becomes its four-cornered polygon; in `keypoints` missing points are absent ones.
        description: `info.description` of the file.
    """

    task: CocoTask = CocoTask.DETECTION
    description: str = "Synapse export"


@dataclass(frozen=True, slots=True)
class YoloOptions:
    """How to write YOLO.

    Attributes:
        task: What every row is; geometry of another kind is converted or reported.
        yaml_name: Name of the file that describes the data set.
    """

    task: YoloTask = YoloTask.DETECT
    yaml_name: str = "data.yaml"


@dataclass(frozen=True, slots=True)
class VocOptions:
    """How to write Pascal VOC.

    Attributes:
        database: `source/database` of each annotation file.
    """

    database: str = "Synapse export"


@dataclass(frozen=True, slots=True)
class TableOptions:
    """CSV and JSONL have nothing to choose: they carry everything."""


WriterOptions = CocoOptions | YoloOptions | VocOptions | TableOptions

DEFAULT_OPTIONS: dict[Format, WriterOptions] = {
    Format.COCO: CocoOptions(),
    Format.YOLO: YoloOptions(),
    Format.VOC: VocOptions(),
    Format.CSV: TableOptions(),
    Format.JSONL: TableOptions(),
}
