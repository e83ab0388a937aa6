"""Reads Parquet as our writer makes it, a few rows at a time, and checks it against our schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.parquet.schema import import_pyarrow, make_schema, row_to_line
from synapse_sdk.utils.converters.reading import Problems
from synapse_sdk.utils.converters.records import BadFile, SourceItem, ValidationReport
from synapse_sdk.utils.converters.tables.reader import TableItem, image_finder, source_item
from synapse_sdk.utils.converters.tables.validator import TableCheck

_BATCH_ROWS = 100
# Of one column, while a row group is read.
_BUFFER_BYTES = 64 << 10


def read_parquet(path: Path, images: Path | None = None) -> Iterator[SourceItem | BadFile]:
    """Yield the image of each row.

    Raises:
        FormatError: There is no such file, or it has other columns.
    """
    for file in _find_files(path):
        finder = image_finder(file, images)
        for number, item in _items(file):
            yield from source_item(item, Problems(file), finder, [number] * len(item.annotations))


def validate_parquet(path: Path) -> ValidationReport:
    """Check the columns and every row, and that images exist where there are images."""
    check = TableCheck(Format.PARQUET)
    try:
        for file in _find_files(path):
            check.start(file)
            for number, item in _items(file):
                check.image(item.file_name, item.split, number)
                check.annotations(iter(item.annotations), item.split, number)
    except FormatError as exc:
        return check.failed(path, exc)
    return check.done()


def _find_files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(path.glob("*.parquet"))
    if not found:
        raise FormatError(f"{path} has no .parquet file. Give the folder of the data set.")
    return found


def _items(file: Path) -> Iterator[tuple[int, TableItem]]:
    pa = import_pyarrow()
    number = 0
    try:
        with pa.parquet.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER_BYTES) as table:
            if not table.schema_arrow.equals(make_schema()):
                raise FormatError(f"{file.name} has other columns than ours.")
            for batch in table.iter_batches(_BATCH_ROWS, use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    yield number, msgspec.convert(row_to_line(row), TableItem)
    except (pa.ArrowException, OSError, msgspec.ValidationError, msgspec.DecodeError) as exc:
        raise FormatError(f"{file.name} cannot be read behind row {number}: {exc}") from exc
