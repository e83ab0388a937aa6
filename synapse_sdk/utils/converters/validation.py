"""What validators of every format share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from synapse_sdk.utils.converters.records import ValidationReport, WriterReport


def folder_has_files(folder: Path) -> bool:
    """Whether a folder holds any file, however deep: one is enough to expect all."""
    return next(walk_files(folder), None) is not None


def walk_files(folder: Path) -> Iterator[Path]:
    """Every file below a folder, without listing them all at once."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from walk_files(Path(entry.path))
            else:
                yield Path(entry.path)


def count_split(report: ValidationReport, split: str | None, images: int, annotations: int) -> None:
    """Add what one split holds to the report's counts."""
    counts = report.counts
    counts["images"] += images
    counts["annotations"] += annotations
    counts["splits"][split or ""] = counts["splits"].get(split or "", 0) + images


def check_counts(report: ValidationReport, written: WriterReport) -> None:
    """Hold what was read back against what the writer says it wrote."""
    for name, expected in (("images", written.images), ("annotations", written.annotations)):
        found = report.counts.get(name)
        if found != expected:
            report.error("count_mismatch", f"{expected} {name} were written, {found} can be read")
