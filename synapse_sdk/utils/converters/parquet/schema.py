"""The columns, and the way from a line of our JSONL to a row and back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.shapes import rle

if TYPE_CHECKING:
    import pyarrow as pa

PLAIN_FIELDS = ("type", "category", "bbox", "rotation", "keypoints", "area", "iscrowd", "score")
_encode = msgspec.json.Encoder().encode


def import_pyarrow() -> Any:
    """The library that reads and writes Parquet.

    Raises:
        FormatError: It is not installed.
    """
    # Its own allocator keeps 30 MB more, for a speed that does not count beside what converting takes. Which one all of
    # it uses, it reads while it is loaded: `set_memory_pool` says so to what Python asks for only.
    os.putenv("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        import pyarrow.parquet
    except ImportError as exc:
        raise FormatError("Parquet needs one more package. Run: pip install 'synapse-platform[parquet]'") from exc
    return pyarrow


def make_schema(metadata: dict[str, bytes] | None = None) -> pa.Schema:
    """The schema of every file."""
    pa = import_pyarrow()
    numbers = pa.list_(pa.float64())
    annotation = pa.struct([
        ("id", pa.string()),
        ("type", pa.string()),
        ("category", pa.string()),
        ("bbox", numbers),
        ("rotation", pa.float64()),
        ("polygons", pa.list_(numbers)),
        ("mask", pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])),
        ("keypoints", numbers),
        ("area", pa.float64()),
        ("iscrowd", pa.int8()),
        ("attributes", pa.string()),
        ("score", pa.float64()),
    ])  # fmt: skip
    return pa.schema([
        ("item_id", pa.string()),
        ("file_name", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("split", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("annotations", pa.list_(annotation)),
    ], metadata)  # fmt: skip


def line_to_row(line: dict[str, Any]) -> dict[str, Any]:
    """A row of a line of our JSONL."""
    return {
        "item_id": str(line["id"]),
        "file_name": line["file_name"],
        "width": line["width"],
        "height": line["height"],
        "split": line["split"],
        "tags": line["tags"],
        "annotations": [_annotation_to_cell(annotation) for annotation in line["annotations"]],
    }


def parse_rows(rows: bytes, schema: pa.Schema) -> pa.Table:
    """A table of rows as lines of JSON.

    Raises:
        FormatError: A value is not of its column's type.
    """
    from pyarrow import ArrowException, json

    # By its own parser: to make a table of Python's objects it loads pandas where it is installed, 50 MB.
    reading = json.ReadOptions(use_threads=False, block_size=len(rows))
    parsing = json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    try:
        return json.read_json(import_pyarrow().BufferReader(rows), reading, parsing)
    except ArrowException as exc:
        raise FormatError(f"A value is not of its column's type: {exc}") from exc


def row_to_line(row: dict[str, Any]) -> dict[str, Any]:
    """A line of our JSONL of a row."""
    line = {name: row[name] for name in ("file_name", "width", "height", "split")}
    annotations = [_cell_to_annotation(cell) for cell in row["annotations"] or ()]
    return {"id": row["item_id"], **line, "tags": row["tags"] or [], "annotations": annotations}


def _annotation_to_cell(annotation: dict[str, Any]) -> dict[str, Any]:
    cell = {name: annotation.get(name) for name in PLAIN_FIELDS}
    cell["type"] = cell["type"] or "bbox"
    cell["iscrowd"] = None if cell["iscrowd"] is None else int(cell["iscrowd"])
    own, attributes, segmentation = annotation.get("id"), annotation.get("attributes"), annotation.get("segmentation")
    # JSON tells `1` from `"1"`: a column has one type only.
    cell["id"] = None if own is None else _encode(own).decode()
    cell["attributes"] = _encode(attributes).decode() if attributes else None
    is_mask = isinstance(segmentation, dict)
    cell["polygons"] = segmentation if segmentation and not is_mask else None
    cell["mask"] = _mask_to_cell(segmentation) if isinstance(segmentation, dict) else None
    return cell


def _mask_to_cell(mask: dict[str, Any]) -> dict[str, Any]:
    counts = mask["counts"]
    return {"size": mask["size"], "counts": counts if isinstance(counts, str) else rle.compress(counts)}


def _cell_to_annotation(cell: dict[str, Any]) -> dict[str, Any]:
    annotation = {name: value for name in PLAIN_FIELDS if (value := cell[name]) is not None}
    if cell["id"] is not None:
        annotation["id"] = msgspec.json.decode(cell["id"])
    if cell["attributes"] is not None:
        annotation["attributes"] = msgspec.json.decode(cell["attributes"])
    segmentation = cell["polygons"] or cell["mask"]
    return annotation | ({"segmentation": segmentation} if segmentation else {})
