"""One door to all formats: open a writer, read a data set, check one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.formats import DEFAULT_OPTIONS, Format, WriterOptions

if TYPE_CHECKING:
    from synapse_sdk.utils.converters.base import DatasetWriter
    from synapse_sdk.utils.converters.records import BadFile, SourceItem, ValidationReport, WriterReport
    from synapse_sdk.utils.converters.sinks import Sink
    from synapse_sdk.wire.annotations import ClassSchema

# Loaded when asked for: whoever writes one format, such as each process that converts blocks, needs no other.
_WRITERS: dict[Format, str] = {
    Format.COCO: "coco.writer:CocoWriter",
    Format.YOLO: "yolo.writer:YoloWriter",
    Format.VOC: "voc.writer:VocWriter",
    Format.CSV: "tables.writer:CsvWriter",
    Format.JSONL: "tables.writer:JsonlWriter",
    Format.WEBDATASET: "webdataset.writer:WebDatasetWriter",
    Format.PARQUET: "parquet.writer:ParquetWriter",
}
_READERS: dict[Format, str] = {
    Format.COCO: "coco.reader:read_coco",
    Format.YOLO: "yolo.reader:read_yolo",
    Format.VOC: "voc.reader:read_voc",
    Format.CSV: "tables.reader:read_csv",
    Format.JSONL: "tables.reader:read_jsonl",
    Format.WEBDATASET: "webdataset.reader:read_webdataset",
    Format.PARQUET: "parquet.reader:read_parquet",
}
_VALIDATORS: dict[Format, str] = {
    Format.COCO: "coco.validator:validate_coco",
    Format.YOLO: "yolo.validator:validate_yolo",
    Format.VOC: "voc.validator:validate_voc",
    Format.CSV: "tables.validator:validate_csv",
    Format.JSONL: "tables.validator:validate_jsonl",
    Format.WEBDATASET: "webdataset.validator:validate_webdataset",
    Format.PARQUET: "parquet.reader:validate_parquet",
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
    return open_writer(chosen, out, ClassMap.from_schema(classes), options or DEFAULT_OPTIONS[chosen])


def open_writer(fmt: Format, out: Sink | Path, classes: ClassMap, options: WriterOptions) -> DatasetWriter:
    """The same where everything was checked.

    Raises:
        FormatError: What the format needs is not installed.
    """
    writer: DatasetWriter = _load(_WRITERS[fmt])(out, classes, options)
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
    from synapse_sdk.utils.converters.sinks.shards import is_sharded

    chosen = format_of(fmt)
    root = Path(path) if Path(path).is_dir() else Path(path).parent
    if is_sharded(chosen, root):
        from synapse_sdk.utils.converters.webdataset.sharded import read_shards

        return _once_each(read_shards(chosen, root), root)
    reader = _load(_READERS[chosen])
    if chosen is Format.COCO:
        reader = partial(reader, on_total=on_total)
    return _once_each(reader(Path(path), Path(images) if images else None), Path(path))


def read_classes(fmt: Format | str, path: Path, *, images: Path | None = None) -> ClassSchema:
    """The classes that a data set declares, with the numbers it gives them; empty where it declares none.

    Raises:
        FormatError: The format is unknown, or nothing of it is at `path`.
    """
    from synapse_sdk.utils.converters.class_schema import read_class_schema

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
    from synapse_sdk.utils.converters.sinks.shards import is_sharded
    from synapse_sdk.utils.converters.validation import check_counts

    chosen, root = format_of(fmt), Path(path)
    if is_sharded(chosen, root):
        from synapse_sdk.utils.converters.webdataset.sharded import validate_shards

        report = validate_shards(chosen, root)
    else:
        report = _load(_VALIDATORS[chosen])(root)
    if written is not None:
        check_counts(report, written)
    return report


def _once_each(found: Iterator[SourceItem | BadFile], path: Path) -> Iterator[SourceItem | BadFile]:
    """Each key once: what is imported under a key must not depend on what else is in the data set."""
    from synapse_sdk.utils.converters.compact import HashSet
    from synapse_sdk.utils.converters.records import BadFile, SourceItem

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


def _load(home: str) -> Any:
    module, name = home.split(":")
    return getattr(import_module(f"synapse_sdk.utils.converters.{module}"), name)
