"""Checks CSV and JSONL against our own schema: they have no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.compact import HashSet
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.records import BadFile, UnfitError, ValidationReport
from synapse_sdk.utils.converters.tables.reader import csv_annotation, csv_rows, find_table, jsonl_items
from synapse_sdk.utils.converters.tables.soundness import sound_annotation
from synapse_sdk.utils.converters.validation import count_split, folder_has_files


def validate_jsonl(path: Path) -> ValidationReport:
    """Check every line, and that images exist where there are images."""
    check = TableCheck(Format.JSONL)
    try:
        file = find_table(path, "annotations.jsonl")
    except FormatError as exc:
        return check.failed(path, exc)
    check.start(file)
    for line, item in jsonl_items(file):
        if isinstance(item, BadFile):
            check.report.error("malformed", item.message, path=file, line=line)
        else:
            check.image(item.file_name, item.split, line)
            check.annotations(iter(item.annotations), item.split, line)
    return check.done()


def validate_csv(path: Path) -> ValidationReport:
    """Check the header and every row, and that images exist where there are images."""
    check = TableCheck(Format.CSV)
    try:
        file = find_table(path, "annotations.csv")
        check.start(file)
        previous = None
        for line, row in csv_rows(file):
            image = (row.get("item_id"), row["file_name"])
            split = row.get("split") or None
            if image != previous:
                check.image(row["file_name"], split, line)
                previous = image
            check.csv_row(row, split, line)
    except FormatError as exc:
        return check.failed(path, exc)
    return check.done()


class TableCheck:
    """Gathers what is found, image by image."""

    def __init__(self, fmt: Format) -> None:
        self.report = ValidationReport(fmt, counts={"images": 0, "annotations": 0, "classes": 0, "splits": {}})
        self._names = HashSet()
        self._classes: set[str] = set()
        self._file = Path()
        self._images: Path | None = None

    def start(self, file: Path) -> None:
        self._file = file
        images = file.parent / "images"
        self._images = images if folder_has_files(images) else None

    def failed(self, path: Path, error: FormatError) -> ValidationReport:
        self.report.error("missing" if not self._file.name else "malformed", str(error), path=path)
        return self.report

    def done(self) -> ValidationReport:
        self.report.counts["classes"] = len(self._classes)
        return self.report

    def image(self, name: str, split: str | None, line: int) -> None:
        count_split(self.report, split, 1, 0)
        if not name:
            self._error("bad_file_name", "there is no file name", line)
        elif not self._names.add(f"{split or ''}/{name}"):
            self._error("duplicate_file_name", f"the image {name} is there twice, or its rows stand apart", line)
        elif self._images is not None and not (self._images / (split or "") / name).is_file():
            self._error("image_missing", f"there is no file {name} in {self._images.name}", line)

    def csv_row(self, row: dict[str, str], split: str | None, line: int) -> None:
        try:
            annotation = csv_annotation(row)
        except (ValueError, msgspec.DecodeError) as exc:
            self._error("malformed", f"the row cannot be read: {exc}", line)
            return
        self.annotations(iter([annotation] if annotation else []), split, line)

    def annotations(self, found: Iterator[dict[str, Any]], split: str | None, line: int) -> None:
        for annotation in found:
            count_split(self.report, split, 0, 1)
            try:
                sound_annotation(annotation, None)
                self._classes.add(annotation["category"])
            except UnfitError as exc:
                self._error("bad_annotation", str(exc), line)
            except (TypeError, ValueError, KeyError, AttributeError) as exc:
                self._error("bad_annotation", f"an annotation cannot be read: {exc}", line)

    def _error(self, code: str, message: str, line: int) -> None:
        self.report.error(code, message, path=self._file, line=line)
