"""One door to all formats: open a writer, read a data set, check one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.class_schema import read_class_schema
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.coco.reader import read_coco
from synapse_sdk.utils.converters.coco.validator import validate_coco
from synapse_sdk.utils.converters.coco.writer import CocoWriter
from synapse_sdk.utils.converters.compact import HashSet
from synapse_sdk.utils.converters.formats import DEFAULT_OPTIONS, Format, WriterOptions
from synapse_sdk.utils.converters.parquet.reader import read_parquet, validate_parquet
from synapse_sdk.utils.converters.parquet.writer import ParquetWriter
from synapse_sdk.utils.converters.records import BadFile, SourceItem, ValidationReport, WriterReport
from synapse_sdk.utils.converters.sinks import Sink
from synapse_sdk.utils.converters.tables.reader import read_csv, read_jsonl
from synapse_sdk.utils.converters.tables.validator import validate_csv, validate_jsonl
from synapse_sdk.utils.converters.tables.writer import CsvWriter, JsonlWriter
from synapse_sdk.utils.converters.validation import check_counts
from synapse_sdk.utils.converters.voc.reader import read_voc
from synapse_sdk.utils.converters.voc.validator import validate_voc
from synapse_sdk.utils.converters.voc.writer import VocWriter
from synapse_sdk.utils.converters.webdataset.reader import read_webdataset
from synapse_sdk.utils.converters.webdataset.sharded import is_sharded, read_shards, validate_shards
from synapse_sdk.utils.converters.webdataset.validator import validate_webdataset
from synapse_sdk.utils.converters.webdataset.writer import WebDatasetWriter
from synapse_sdk.utils.converters.yolo.reader import read_yolo
from synapse_sdk.utils.converters.yolo.validator import validate_yolo
from synapse_sdk.utils.converters.yolo.writer import YoloWriter
from synapse_sdk.wire.annotations import ClassSchema

_WRITERS: dict[Format, Any] = {
    Format.COCO: CocoWriter,
    Format.YOLO: YoloWriter,
    Format.VOC: VocWriter,
    Format.CSV: CsvWriter,
    Format.JSONL: JsonlWriter,
    Format.WEBDATASET: WebDatasetWriter,
    Format.PARQUET: ParquetWriter,
}
_READERS: dict[Format, Any] = {
    Format.COCO: read_coco,
    Format.YOLO: read_yolo,
    Format.VOC: read_voc,
    Format.CSV: read_csv,
    Format.JSONL: read_jsonl,
    Format.WEBDATASET: read_webdataset,
    Format.PARQUET: read_parquet,
}
_VALIDATORS: dict[Format, Any] = {
    Format.COCO: validate_coco,
    Format.YOLO: validate_yolo,
    Format.VOC: validate_voc,
    Format.CSV: validate_csv,
    Format.JSONL: validate_jsonl,
    Format.WEBDATASET: validate_webdataset,
    Format.PARQUET: validate_parquet,
}


def create_writer(
    fmt: Format | str, out: Sink | Path, *, classes: ClassSchema, options: WriterOptions | None = None
) -> DatasetWriter:
    """Open a writer for a data set.

    Args:
        fmt: One of `Format`.
        out: The folder that becomes the data set's root, created when missing; or any sink.
        classes: The project's class schema; the output keeps its ids and order.
        options: The format's own options; None for its defaults.

    Raises:
        FormatError: The format is unknown, the options belong to another, or the classes contradict themselves.
    """
    chosen = format_of(fmt)
    expected = type(DEFAULT_OPTIONS[chosen])
    if options is not None and not isinstance(options, expected):
        raise FormatError(f"{chosen} takes {expected.__name__}, not {type(options).__name__}.")
    writer: DatasetWriter = _WRITERS[chosen](out, ClassMap.from_schema(classes), options or DEFAULT_OPTIONS[chosen])
    return writer


def read_dataset(
    fmt: Format | str, path: Path, *, images: Path | None = None, on_total: Callable[[int], None] | None = None
) -> Iterator[SourceItem | BadFile]:
    """Stream a data set from disk: items in a stable order, and a `BadFile` for each thing that is not as it should be.

    Args:
        fmt: One of `Format`.
        path: A folder or a file, as is usual for the format.
        images: Where the images are, when not where the format says.
        on_total: Told how many items there are, when the reader comes to know it (COCO); later with more, perhaps.

    Raises:
        FormatError: The format is unknown, or nothing of it is at `path`.
    """
    chosen = format_of(fmt)
    root = Path(path) if Path(path).is_dir() else Path(path).parent
    if is_sharded(chosen, root):
        return _once_each(read_shards(chosen, root), root)
    reader = partial(read_coco, on_total=on_total) if chosen is Format.COCO else _READERS[chosen]
    return _once_each(reader(Path(path), Path(images) if images else None), Path(path))


def read_classes(fmt: Format | str, path: Path, *, images: Path | None = None) -> ClassSchema:
    """The classes that a data set declares, with the numbers it gives them; empty where it declares none.

    Raises:
        FormatError: The format is unknown, or nothing of it is at `path`.
    """
    return read_class_schema(format_of(fmt), Path(path), Path(images) if images else None)


def validate_dataset(fmt: Format | str, path: Path, *, written: WriterReport | None = None) -> ValidationReport:
    """Read a data set back and check it against its format's own rules.

    Args:
        fmt: One of `Format`.
        path: The data set's root.
        written: What a writer says it wrote there; other counts are an error.

    Raises:
        FormatError: The format is unknown.
    """
    chosen, root = format_of(fmt), Path(path)
    report: ValidationReport = validate_shards(chosen, root) if is_sharded(chosen, root) else _VALIDATORS[chosen](root)
    if written is not None:
        check_counts(report, written)
    return report


def _once_each(found: Iterator[SourceItem | BadFile], path: Path) -> Iterator[SourceItem | BadFile]:
    """Each key once: what is imported under a key must not depend on what else is in the data set."""
    keys = HashSet()
    for item in found:
        if isinstance(item, SourceItem) and not keys.add(item.key):
            message = f"the image {item.key} is annotated twice; only the first is read"
            yield BadFile(item.image_path or path, None, message, "duplicate_image")
        else:
            yield item


def format_of(fmt: Format | str) -> Format:
    """The format of a name, whatever its case.

    Raises:
        FormatError: There is no such format.
    """
    try:
        return Format(fmt.lower())
    except ValueError as exc:
        raise FormatError(f"There is no format {fmt!r}. Use one of: {', '.join(Format)}.") from exc
