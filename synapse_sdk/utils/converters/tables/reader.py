"""Reads CSV and JSONL as our writers make them, line by line."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.reading import ImageFinder, Problems, item_data, settle_size
from synapse_sdk.utils.converters.records import BadFile, SourceItem, UnfitError
from synapse_sdk.utils.converters.tables.soundness import sound_annotation

BOX_COLUMNS = ("x", "y", "width", "height")
JSON_COLUMNS = ("segmentation", "keypoints", "attributes")
NUMBER_COLUMNS = ("rotation", "area", "score")
REQUIRED_COLUMNS = frozenset({"file_name", "category"})


class TableItem(msgspec.Struct):
    """One line of `annotations.jsonl`, or all rows of one image in `annotations.csv`."""

    file_name: str
    id: int | str | None = None
    width: int | None = None
    height: int | None = None
    split: str | None = None
    tags: list[str] = []
    annotations: list[dict[str, Any]] = []


def read_jsonl(path: Path, images: Path | None = None) -> Iterator[SourceItem | BadFile]:
    """Yield the image of each line.

    Args:
        path: The file, or the folder that holds `annotations.jsonl`.
        images: Where the images are, when not in `images` beside.

    Raises:
        FormatError: There is no such file.
    """
    file = find_table(path, "annotations.jsonl")
    finder = image_finder(file, images)
    for line, item in jsonl_items(file):
        if isinstance(item, BadFile):
            yield item
        else:
            yield from source_item(item, Problems(file), finder, [line] * len(item.annotations))


def read_csv(path: Path, images: Path | None = None) -> Iterator[SourceItem | BadFile]:
    """Yield each image with its rows, which must stand together.

    Args:
        path: The file, or the folder that holds `annotations.csv`.
        images: Where the images are, when not in `images` beside.

    Raises:
        FormatError: There is no such file, or it lacks a column.
    """
    file = find_table(path, "annotations.csv")
    finder = image_finder(file, images)
    for _, group in groupby(csv_rows(file), key=lambda numbered: _image_of(numbered[1])):
        problems = Problems(file)
        rows = list(group)
        item = _csv_image(rows[0], problems)
        lines: list[int] = []
        for line, row in rows:
            try:
                if annotation := csv_annotation(row):
                    item.annotations.append(annotation)
                    lines.append(line)
            except (ValueError, msgspec.DecodeError) as exc:
                problems.add("malformed", f"the row cannot be read: {exc}", line)
        yield from source_item(item, problems, finder, lines)


def find_table(path: Path, name: str) -> Path:
    """The table at or in `path`.

    Raises:
        FormatError: There is none.
    """
    if path.is_file():
        return path
    suffix = Path(name).suffix
    found = [path / name] if (path / name).is_file() else sorted(path.glob(f"*{suffix}"))
    if not found:
        raise FormatError(f"{path} has no {name}. Give the {suffix[1:].upper()} file of the data set.")
    return found[0]


def jsonl_items(file: Path) -> Iterator[tuple[int, TableItem | BadFile]]:
    """Line numbers with what stands there."""
    decode = msgspec.json.Decoder(TableItem).decode
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield number, decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as exc:
                yield number, BadFile(file, number, f"the line is not what JSONL of ours holds: {exc}")


def csv_rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers with rows by column.

    Raises:
        FormatError: A column is missing, or the file is no text.
    """
    # A polygon of many points is longer than the cells that the module allows at first.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, restval="")
        try:
            missing = REQUIRED_COLUMNS - set(reader.fieldnames or ())
            if missing:
                raise FormatError(f"{file} has no column {', '.join(sorted(missing))}. Its first line must name them.")
            for row in reader:
                yield reader.line_num, row
        except (csv.Error, UnicodeDecodeError) as exc:
            raise FormatError(f"{file}, line {reader.line_num}: this is no CSV text ({exc}).") from exc


def csv_annotation(row: dict[str, str]) -> dict[str, Any] | None:
    """The annotation of a row, or None when its cells are empty.

    Raises:
        ValueError: A cell is not of its column's kind.
    """
    if not row["category"]:
        return None
    annotation: dict[str, Any] = {"type": row.get("type") or "bbox", "category": row["category"]}
    if name := row.get("annotation_id"):
        annotation["id"] = int(name) if name.isdecimal() else name
    box = [row.get(column) or "" for column in BOX_COLUMNS]
    if any(box):
        annotation["bbox"] = [_number(text) for text in box]
    annotation |= {column: _number(row[column]) for column in NUMBER_COLUMNS if row.get(column)}
    annotation |= {column: msgspec.json.decode(row[column]) for column in JSON_COLUMNS if row.get(column)}
    if row.get("iscrowd"):
        annotation["iscrowd"] = int(row["iscrowd"])
    return annotation


def _number(text: str) -> float:
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def _image_of(row: dict[str, str]) -> tuple[str, str]:
    return row.get("item_id") or "", row["file_name"]


def _csv_image(numbered: tuple[int, dict[str, str]], problems: Problems) -> TableItem:
    line, row = numbered
    width = height = None
    try:
        width, height = (int(text) if (text := row.get(name)) else None for name in ("image_width", "image_height"))
        tags = msgspec.json.decode(row.get("tags") or "[]", type=list[str])
    except (ValueError, msgspec.DecodeError) as exc:
        problems.add("malformed", f"the image's cells cannot be read: {exc}", line)
        tags = []
    return TableItem(row["file_name"], row.get("item_id"), width, height, row.get("split") or None, tags)


def _find_image(item: TableItem, finder: ImageFinder) -> Path | None:
    nested = finder.find(f"{item.split}/{item.file_name}") if item.split else None
    return nested or finder.find(item.file_name)


def image_finder(file: Path, images: Path | None) -> ImageFinder:
    """Looks for images where our writers put them, or where they are said to be."""
    root = images or file.parent / "images"
    return ImageFinder([root / split for split in ("train", "val", "test")] + [root, file.parent])


def source_item(
    item: TableItem, problems: Problems, finder: ImageFinder | None, lines: list[int]
) -> Iterator[SourceItem | BadFile]:
    """The image of one line with what is sound of its annotations, behind what is not; no finder looks for no image."""
    first = lines[0] if lines else None
    image = _find_image(item, finder) if finder is not None else None
    if image is None and finder is not None:
        problems.add("image_missing", f"the image {item.file_name} is in none of the image folders", first)
    yield from item_with_image(item, problems, image, lines)


def item_with_image(
    item: TableItem, problems: Problems, image: Path | None, lines: list[int]
) -> Iterator[SourceItem | BadFile]:
    """The image of one line, which is known, with what is sound of its annotations, behind what is not."""
    first = lines[0] if lines else None
    stated = (item.width, item.height) if item.width and item.height else None
    size = settle_size(image, stated, problems, first)
    annotations: list[dict[str, Any]] = []
    for line, annotation in zip(lines, item.annotations, strict=True):
        try:
            sound, notes = sound_annotation(annotation, size)
        except UnfitError as exc:
            problems.add(exc.code.value, str(exc), line)
            continue
        except (TypeError, ValueError, KeyError, AttributeError) as exc:
            problems.add(LossCode.INVALID_GEOMETRY.value, f"an annotation cannot be read: {exc}", line)
            continue
        for code, message in notes:
            problems.add(code.value, message, line)
        annotations.append(sound)
    yield from problems.drain()
    width, height = size or (None, None)
    key = f"{item.split}/{item.file_name}" if item.split else item.file_name
    name = item.file_name.replace("\\", "/").rsplit("/", 1)[-1]
    yield SourceItem(key, name, image, width, height, item_data(annotations), item.split, item.tags)
