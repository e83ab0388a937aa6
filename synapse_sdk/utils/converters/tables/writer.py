"""Writes CSV and JSONL. Both carry every geometry and attribute; neither needs the image's size."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from synapse_sdk.utils.converters.base import KNOWN_FIELDS, DatasetWriter, Frame
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.formats import Format, TableOptions
from synapse_sdk.utils.converters.shapes.fitting import Annotation
from synapse_sdk.utils.converters.sinks import Sink
from synapse_sdk.utils.converters.tables.soundness import sound_annotation

COLUMNS = (
    "item_id", "file_name", "image_width", "image_height", "split", "tags",
    "annotation_id", "type", "category", "x", "y", "width", "height", "rotation",
    "segmentation", "keypoints", "area", "iscrowd", "attributes", "score",
)  # fmt: skip


class TableWriter(DatasetWriter):
    """What CSV and JSONL share: one file, finished by renaming; images belong into `images/`, or `images/<split>/`."""

    needs_size: ClassVar[bool] = False
    file_name: ClassVar[str]

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: TableOptions | None = None) -> None:
        super().__init__(sink, classes)
        self.options = options or TableOptions()
        self._file = self.sink.open(self.file_name)

    def image_path(self, image_name: str, split: str | None = None) -> str:
        return f"images/{split}/{image_name}" if split else f"images/{image_name}"

    def _convert(self, annotation: Annotation, frame: Frame) -> Annotation:  # noqa: ARG002 - fits any image
        if annotation.get("type") == "bbox" and "segmentation" not in annotation and "keypoints" not in annotation:
            x, y, w, h = annotation["bbox"]
            if w > 0 and h > 0 and isfinite(x + y + w + h):
                return annotation
        sound_annotation(annotation, None)
        return annotation

    def _finish(self) -> None:
        self._file.close()


class JsonlWriter(TableWriter):
    """Writes `annotations.jsonl`, a line per image: `id, file_name, width, height, split, tags, annotations`."""

    format: ClassVar[Format] = Format.JSONL
    file_name: ClassVar[str] = "annotations.jsonl"

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: TableOptions | None = None) -> None:
        super().__init__(sink, classes, options)
        self._encoder = msgspec.json.Encoder()

    def _save(self, frame: Frame, rows: list[Any]) -> None:
        line = {
            "id": frame.item_id,
            "file_name": frame.image_name,
            "width": frame.width or None,
            "height": frame.height or None,
            "split": frame.split,
            "tags": list(frame.tags),
            "annotations": rows,
        }
        self._file.write(self._encoder.encode(line) + b"\n")


class CsvWriter(TableWriter):
    """Writes `annotations.csv`: one row per annotation, and one with empty annotation columns for an image without any.

    Columns of more than one value (`tags`, `segmentation`, `keypoints`, `attributes`) hold JSON.
    """

    format: ClassVar[Format] = Format.CSV
    file_name: ClassVar[str] = "annotations.csv"
    carried_attributes: ClassVar[frozenset[str] | None] = None

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: TableOptions | None = None) -> None:
        super().__init__(sink, classes, options)
        self._encode = msgspec.json.Encoder().encode
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(COLUMNS)
        self._flush()

    def _convert(self, annotation: Annotation, frame: Frame) -> Annotation:
        if not KNOWN_FIELDS.issuperset(annotation):
            self._note_dropped_attributes(annotation)
        return super()._convert(annotation, frame)

    def _save(self, frame: Frame, rows: list[Any]) -> None:
        tags = self._encode(frame.tags).decode() if frame.tags else ""
        image = [frame.item_id, frame.image_name, frame.width or "", frame.height or "", frame.split or "", tags]
        if rows:
            self._writer.writerows(self._cells(image, rows))
        else:
            self._writer.writerow([*image, *[""] * (len(COLUMNS) - len(image))])
        self._flush()

    def _cells(self, image: list[Any], rows: list[Any]) -> Iterator[list[Any]]:
        encode = self._encode
        for row in rows:
            get = row.get
            yield [
                *image,
                get("id", ""),
                get("type") or "bbox",
                row["category"],
                *(get("bbox") or ("", "", "", "")),
                get("rotation", ""),
                encode(value).decode() if (value := get("segmentation")) else "",
                encode(value).decode() if (value := get("keypoints")) else "",
                get("area", ""),
                get("iscrowd", ""),
                encode(value).decode() if (value := get("attributes")) else "",
                get("score", ""),
            ]

    def _flush(self) -> None:
        self._file.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()
