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
    WEBDATASET = "webdataset"
    PARQUET = "parquet"


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


@dataclass(frozen=True, slots=True)
class WebDatasetOptions:
    """How large the shards of WebDataset are.

    Attributes:
        shard_items: Samples in one shard.
        shard_bytes: Bytes of one shard; a single sample may be larger.
    """

    shard_items: int = 10_000
    shard_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class ParquetOptions:
    """How Parquet files are cut.

    Attributes:
        file_rows: Images in one file.
        group_rows: Images in one row group: what a reader holds in memory.
    """

    # What a file says of each of its row groups waits in memory until its end: 2 MB per 100,000 rows.
    file_rows: int = 100_000
    group_rows: int = 1_000


WriterOptions = CocoOptions | YoloOptions | VocOptions | TableOptions | WebDatasetOptions | ParquetOptions

DEFAULT_OPTIONS: dict[Format, WriterOptions] = {
    Format.COCO: CocoOptions(),
    Format.YOLO: YoloOptions(),
    Format.VOC: VocOptions(),
    Format.CSV: TableOptions(),
    Format.JSONL: TableOptions(),
    Format.WEBDATASET: WebDatasetOptions(),
    Format.PARQUET: ParquetOptions(),
}
