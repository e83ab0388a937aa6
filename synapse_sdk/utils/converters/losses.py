"""What a format could not carry: every item and annotation, with a reason, never a silent drop.

The log keeps counts in memory and the entries in a file that has no name: an export of ten million items whose format
drops attributes must not need memory for ten million messages.
"""

from __future__ import annotations

import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

import msgspec

_MEMORY_BYTES = 1 << 20


class LossCode(StrEnum):
    """Why something is missing from the output, or there with less than it had."""

    ITEM_SKIPPED = "item_skipped"
    SIZE_UNKNOWN = "size_unknown"
    UNKNOWN_CLASS = "unknown_class"
    GEOMETRY_UNSUPPORTED = "geometry_unsupported"
    INVALID_GEOMETRY = "invalid_geometry"
    OUTSIDE_IMAGE = "outside_image"
    ZERO_AREA = "zero_area"
    TOO_SMALL = "too_small"
    DUPLICATE_ROW = "duplicate_row"
    KEYPOINTS_MISMATCH = "keypoints_mismatch"

    GEOMETRY_REDUCED = "geometry_reduced"
    ATTRIBUTES_DROPPED = "attributes_dropped"
    CLIPPED = "clipped"
    NO_DATA = "no_data"
    IMAGE_ID_REASSIGNED = "image_id_reassigned"

    @property
    def is_reduction(self) -> bool:
        """Whether the item or annotation is in the output all the same, with less or other content."""
        return self in _REDUCTIONS


_REDUCTIONS = frozenset(
    {
        LossCode.GEOMETRY_REDUCED,
        LossCode.ATTRIBUTES_DROPPED,
        LossCode.CLIPPED,
        LossCode.NO_DATA,
        LossCode.IMAGE_ID_REASSIGNED,
    }
)


@dataclass(frozen=True, slots=True)
class Skip:
    """One entry of the loss report; `annotation_id` is None when it concerns the item itself.

    An annotation without an id of its own is named by its place in the item, `#1` being the first.
    """

    item_id: int | str
    annotation_id: int | str | None
    reason_code: LossCode
    message: str


class LossLog:
    """Sized, iterable any number of times, in order of arrival."""

    def __init__(self) -> None:
        self.counts: Counter[LossCode] = Counter()
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - lives as long as the log
        weakref.finalize(self, self._file.close)
        self._encode = msgspec.json.Encoder().encode

    def add(self, skip: Skip) -> None:
        self.counts[skip.reason_code] += 1
        self._file.write(self._encode((skip.item_id, skip.annotation_id, skip.reason_code.value, skip.message)) + b"\n")

    def __len__(self) -> int:
        return self.counts.total()

    def __iter__(self) -> Iterator[Skip]:
        position = 0
        while position >= 0:
            lines, position = self._read_batch(position)
            for line in lines:
                item_id, annotation_id, code, message = msgspec.json.decode(line)
                yield Skip(item_id, annotation_id, LossCode(code), message)

    def _read_batch(self, position: int) -> tuple[list[bytes], int]:
        """Return whole lines from `position` and where to go on (-1 at the end); the file is left at its end."""
        self._file.seek(position)
        lines = self._file.readlines(_MEMORY_BYTES)
        following = self._file.tell()
        self._file.seek(0, 2)
        return lines, following if lines else -1


def save_loss_report(losses: LossLog, path: Path, *, summary: dict[str, Any] | None = None) -> None:
    """Stream the log into one JSON document: `{"summary", "counts", "losses": [...]}`.

    Args:
        losses: The log of a writer's report.
        path: File to write; its folder must exist.
        summary: More facts to put in front, such as `WriterReport.to_dict()`.
    """
    head = {"summary": summary or {}, "counts": {code.value: count for code, count in sorted(losses.counts.items())}}
    with path.open("wb") as target:
        target.write(msgspec.json.encode(head)[:-1] + b',"losses":[')
        separator = b"\n"
        for skip in losses:
            target.write(separator + msgspec.json.encode(skip))
            separator = b",\n"
        target.write(b"\n]}\n")
