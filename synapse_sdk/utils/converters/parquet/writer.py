"""Writes Parquet in row groups of a fixed number of images: the same items give the same bytes, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from synapse_sdk.utils.converters.base import KNOWN_FIELDS
from synapse_sdk.utils.converters.blocks import BlockItem, Lane
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.formats import Format, ParquetOptions, TableOptions
from synapse_sdk.utils.converters.parquet.schema import import_pyarrow, line_to_row, make_schema, parse_rows
from synapse_sdk.utils.converters.shapes.fitting import Annotation
from synapse_sdk.utils.converters.sinks import Output, Sink
from synapse_sdk.utils.converters.tables.writer import JsonlWriter

UNSPLIT = "data"
CLASSES_KEY = "synapse.classes"
# Columns whose values come again. A dictionary of others, above all of coordinates, takes memory for a larger file.
_REPEATED = [
    "width", "height", "split", "tags.list.element",
    "annotations.list.element.type", "annotations.list.element.category", "annotations.list.element.attributes",
]  # fmt: skip
# Of one column: all columns of a row group wait in memory.
_PAGE_BYTES = 64 << 10
# Rows that are text at a time, which takes far more than the columns that it becomes.
_BATCH_ROWS = 100


class ParquetWriter(JsonlWriter):
    """Writes `<split>-00000.parquet` … with a row per image; images belong into `images/`, or `images/<split>/`."""

    format: ClassVar[Format] = Format.PARQUET

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: ParquetOptions | None = None) -> None:
        import_pyarrow()
        super().__init__(sink, classes, TableOptions())
        self._cuts = options or ParquetOptions()
        self._splits: dict[str | None, list[bytes]] = {}
        self._tables: dict[str | None, _Table] = {}

    def _convert(self, annotation: Annotation, item: BlockItem) -> Annotation:
        if not KNOWN_FIELDS.issuperset(annotation):
            self._note_dropped_attributes(annotation)
        return super()._convert(annotation, item)

    def _save(self, item: BlockItem, rows: list[Any]) -> None:
        super()._save(item, rows)
        self._splits.setdefault(item.split, []).append(self._lines.pop())

    def _take(self) -> list[Lane]:
        taken, self._splits = self._splits, {}
        return [Lane(split, b"".join(lines)) for split, lines in taken.items()]

    def _append(self, lane: Lane) -> None:
        table = self._table(lane.split)
        for line in lane.first.splitlines():
            table.add(line)

    def _table(self, split: str | None) -> _Table:
        if split not in self._tables:
            classes = msgspec.json.encode(self.classes.definitions)
            name = f"{split or UNSPLIT}-{{:05d}}.parquet"
            self._tables[split] = _Table(lambda number: self.sink.open(name.format(number)), self._cuts, classes)
        return self._tables[split]

    def _finish(self) -> None:
        if not self._tables:
            self._table(None)
        for table in self._tables.values():
            table.close()
        self.sink.close()


class _Table:
    """The files of one split."""

    def __init__(self, open_file: Callable[[int], Output], cuts: ParquetOptions, classes: bytes) -> None:
        self._open_file, self._cuts = open_file, cuts
        self._schema = make_schema({CLASSES_KEY: classes})
        self._decode, self._encode = msgspec.json.Decoder(dict[str, Any]).decode, msgspec.json.Encoder().encode
        self._waiting: list[bytes] = []
        self._batches: list[Any] = []
        self._writer: Any = None
        self._output: Output | None = None
        self._number = self._rows = 0

    def add(self, line: bytes) -> None:
        self._waiting.append(line)
        if len(self._waiting) >= _BATCH_ROWS:
            self._pack()
        if self._group_rows() >= self._cuts.group_rows:
            self._write_group()

    def close(self) -> None:
        if self._group_rows() or not self._number:
            self._write_group()
        self._end_file()

    def _group_rows(self) -> int:
        return len(self._waiting) + sum(int(batch.num_rows) for batch in self._batches)

    def _pack(self) -> None:
        if self._waiting:
            rows = b"\n".join([self._encode(line_to_row(self._decode(line))) for line in self._waiting])
            self._batches.append(parse_rows(rows, self._schema))
            self._waiting.clear()

    def _write_group(self) -> None:
        pa = import_pyarrow()
        self._pack()
        if self._writer is None:
            self._output = self._open_file(self._number)
            self._writer = pa.parquet.ParquetWriter(
                pa.PythonFile(_Stream(self._output), mode="w"),
                self._schema,
                compression="zstd",
                use_dictionary=_REPEATED,
                data_page_size=_PAGE_BYTES,
            )
        group = pa.concat_tables(self._batches) if self._batches else pa.Table.from_batches([], self._schema)
        self._batches.clear()
        self._writer.write_table(group.combine_chunks(), row_group_size=self._cuts.group_rows)
        self._rows += group.num_rows
        if self._rows >= self._cuts.file_rows:
            self._end_file()

    def _end_file(self) -> None:
        if self._writer is not None and self._output is not None:
            self._writer.close()
            self._output.close()
            self._writer = self._output = None
            self._number += 1
            self._rows = 0


class _Stream:
    """What pyarrow wants of a file; closing it is not its business."""

    closed = False

    def __init__(self, output: Output) -> None:
        self._output = output
        self._position = 0

    def write(self, data: Any) -> int:
        size = self._output.write(bytes(data))
        self._position += size
        return size

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The writer of the data set completes the file."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False
