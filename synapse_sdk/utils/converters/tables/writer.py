"""Writes CSV and JSONL. Both carry every geometry and attribute; neither needs the image's size."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET

from synapse_sdk.utils.converters.base import KNOWN_FIELDS, DatasetWriter, plain_annotations
from synapse_sdk.utils.converters.blocks import TEXT, BlockItem, Lane, Typed
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.formats import Format, TableOptions
from synapse_sdk.utils.converters.shapes.fitting import Annotation
from synapse_sdk.utils.converters.sinks import Output, Sink
from synapse_sdk.utils.converters.tables.soundness import sound_annotation

COLUMNS = (
    "item_id", "file_name", "image_width", "image_height", "split", "tags",
    "annotation_id", "type", "category", "x", "y", "width", "height", "rotation",
    "segmentation", "keypoints", "area", "iscrowd", "attributes", "score",
)  # fmt: skip


class _Texts(msgspec.Struct, gc=False):
    annotations: list[msgspec.Raw]


_decode_texts = msgspec.json.Decoder(_Texts).decode


class TableWriter(DatasetWriter):
    """What CSV and JSONL share: one file, finished by renaming; images belong into `images/`, or `images/<split>/`."""

    needs_size: ClassVar[bool] = False
    _attributes: ClassVar[Any] = TEXT
    file_name: ClassVar[str]

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: TableOptions | None = None) -> None:
        super().__init__(sink, classes)
        self.options = options or TableOptions()
        self._output: Output | None = None
        self._lines: list[bytes] = []

    @property
    def _file(self) -> Output:
        if self._output is None:
            self._output = self.sink.open(self.file_name)
            self._output.write(self._head())
        return self._output

    def _head(self) -> bytes:
        return b""

    def image_path(self, image_name: str, split: str | None = None) -> str:
        return f"images/{split}/{image_name}" if split else f"images/{image_name}"

    def _convert(self, annotation: Annotation, item: BlockItem) -> Annotation:  # noqa: ARG002 - fits any image
        if annotation.get("type") == "bbox" and "segmentation" not in annotation and "keypoints" not in annotation:
            x, y, w, h = annotation["bbox"]
            if w > 0 and h > 0 and isfinite(x + y + w + h):
                return annotation
        sound_annotation(annotation, None)
        return annotation

    def _convert_typed(self, annotation: Typed, item: BlockItem) -> Any:  # noqa: ARG002 - fits any image
        if not annotation.bbox or not annotation.type:
            return None
        segmentation = annotation.segmentation
        if segmentation is UNSET:
            return annotation if annotation.type == "bbox" else None
        return annotation if segmentation and not any(len(part) % 2 for part in segmentation) else None

    def _take(self) -> list[Lane]:
        taken, self._lines = self._lines, []
        return [Lane(None, b"".join(taken))] if taken else []

    def _append(self, lane: Lane) -> None:
        self._file.write(lane.first)

    def _finish(self) -> None:
        self._file.close()


class JsonlWriter(TableWriter):
    """Writes `annotations.jsonl`, a line per image: `id, file_name, width, height, split, tags, annotations`."""

    format: ClassVar[Format] = Format.JSONL
    file_name: ClassVar[str] = "annotations.jsonl"

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: TableOptions | None = None) -> None:
        super().__init__(sink, classes, options)
        self._encoder = msgspec.json.Encoder()

    def _save(self, item: BlockItem, rows: list[Any]) -> None:
        line = {
            "id": item.id,
            "file_name": item.name,
            "width": item.width or None,
            "height": item.height or None,
            "split": item.split,
            "tags": list(item.tags),
            "annotations": rows,
        }
        self._lines.append(self._encoder.encode(line) + b"\n")

    def _typed_rows(self, annotations: Sequence[Typed], item: BlockItem) -> list[Any]:
        per_class, convert = self._per_class, self._convert_typed
        if not all(a.category in per_class and convert(a, item) is not None for a in annotations):
            return self._rows(plain_annotations(item), item)
        self.report.annotations_in += len(annotations)
        for annotation in annotations:
            per_class[annotation.category] += 1
        # Passed on as they are stored: nothing of them is read, nothing can be lost.
        return _decode_texts(item.data).annotations if annotations else []


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
        self._quoted = {name: self._cell(name) for name in classes.names}

    def _head(self) -> bytes:
        return (",".join(COLUMNS) + "\n").encode()

    def _convert(self, annotation: Annotation, item: BlockItem) -> Annotation:
        if not KNOWN_FIELDS.issuperset(annotation):
            self._note_dropped_attributes(annotation)
        return super()._convert(annotation, item)

    def _save(self, item: BlockItem, rows: list[Any]) -> None:
        tags = self._encode(item.tags).decode() if item.tags else ""
        image = [item.id, item.name, item.width or "", item.height or "", item.split or "", tags]
        if not rows:
            self._lines.append(self._row_text([*image, *[""] * (len(COLUMNS) - len(image))]).encode())
            return
        front = self._row_text(image)[:-1] + ","
        lines = [
            front + (self._row_text(self._cells(row)) if type(row) is dict else self._typed_text(row)) for row in rows
        ]
        self._lines.append("".join(lines).encode())

    def _typed_text(self, row: Typed) -> str:
        """The same as `_cells` makes of a plain annotation, without the detour over a list."""
        own = row.id
        name = own if type(own) is int else self._cell(own) if type(own) is str else ""
        box = self._encode(row.bbox)[1:-1].decode()
        outline = f'"{self._encode(row.segmentation).decode()}"' if row.segmentation else ""
        attributes = str(row.attributes, "utf-8") if row.attributes else ""
        # Neither `null` nor `{}`.
        attributes = '"' + attributes.replace('"', '""') + '"' if len(attributes) > 4 else ""
        return f"{name},{row.type},{self._quoted[row.category]},{box},,{outline},,,,{attributes},\n"

    def _row_text(self, cells: Iterable[Any]) -> str:
        text = self._text
        self._writer.writerow(cells)
        written = text.getvalue()
        text.seek(0)
        text.truncate()
        return written

    def _cell(self, value: str) -> str:
        """A text as a cell that is not alone in its row."""
        return self._row_text([value, ""])[:-2]

    def _cells(self, row: Annotation) -> list[Any]:
        get, encode = row.get, self._encode
        return [
            get("id", ""),
            get("type") or "bbox",
            row["category"],
            # In a fifth of the time that Python takes to write numbers.
            *(encode(box)[1:-1].decode().split(",") if (box := get("bbox")) else ("", "", "", "")),
            get("rotation", ""),
            encode(value).decode() if (value := get("segmentation")) else "",
            encode(value).decode() if (value := get("keypoints")) else "",
            get("area", ""),
            get("iscrowd", ""),
            encode(value).decode() if (value := get("attributes")) else "",
            get("score", ""),
        ]
