"""What a format could not carry: every item and annotation, with a reason, never a silent drop.

The log keeps counts in memory and the entries in a file that has no name: an export of ten million items whose format
drops attributes must not need memory for ten million messages.
"""

from __future__ import annotations

import tempfile
import weakref
from collections import Counter
from collections.abc import Collection, Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import IO, Any

import msgspec

_MEMORY_BYTES = 1 << 20
_BATCH = 1024


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

    # An enum's own is written in Python; reasons are counted by the million.
    __hash__ = str.__hash__

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


class Skip(msgspec.Struct, frozen=True, gc=False):
    """One entry of the loss report; `annotation_id` is None when it concerns the item itself.

    An annotation without an id of its own is named by its place in the item, `#1` being the first.
    """

    item_id: int | str
    annotation_id: int | str | None
    reason_code: LossCode
    message: str


class DroppedNames(dict[tuple[str, ...], list[tuple["LossCode", str]]]):
    """By names of attributes the note of those that a format has no place for, none when all are carried.

    It is put together once: most annotations have the same names.

    Args:
        carried: Names of those that it has a place for.
    """

    _MOST = 1024

    def __init__(self, carried: Collection[str]) -> None:
        super().__init__()
        self._carried = carried

    def __missing__(self, names: tuple[str, ...]) -> list[tuple[LossCode, str]]:
        if len(self) >= self._MOST:
            self.clear()
        dropped = ", ".join([name for name in names if name not in self._carried])
        notes = [(LossCode.ATTRIBUTES_DROPPED, f"the format has no place for {dropped}")] if dropped else []
        self[names] = notes
        return notes


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Skip)


class LossLog:
    """Sized, iterable any number of times, in order of arrival."""

    def __init__(self) -> None:
        self._counts: Counter[LossCode] = Counter()
        self._opened: IO[bytes] | None = None
        self._waiting: list[Skip] = []

    @property
    def _file(self) -> IO[bytes]:
        # Most logs are those of one block, which needs none.
        if self._opened is None:
            self._opened = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - lives as long as the log
            weakref.finalize(self, self._opened.close)
        return self._opened

    @property
    def counts(self) -> Counter[LossCode]:
        """How many entries there are by reason."""
        self._settle()
        return self._counts

    def add(self, skip: Skip) -> None:
        self._waiting.append(skip)
        if len(self._waiting) >= _BATCH:
            self._settle()

    def add_all(self, skips: list[Skip]) -> None:
        self._waiting += skips
        if len(self._waiting) >= _BATCH:
            self._settle()

    def take(self) -> tuple[dict[str, int], bytes]:
        """Hand over everything, counts by code and a line of JSON each; nothing is added after that."""
        lines = self._encoded() if self._opened is None else b"".join(self.chunks())
        return {code.value: count for code, count in self._counts.items()}, lines

    def extend(self, losses: tuple[dict[str, int], bytes]) -> None:
        """Append what another log handed over."""
        counts, lines = losses
        if not lines:
            return
        self._settle()
        for code, count in counts.items():
            self._counts[LossCode(code)] += count
        self._file.write(lines)

    def __len__(self) -> int:
        return self.counts.total()

    def __iter__(self) -> Iterator[Skip]:
        for lines in self.chunks():
            yield from _decoder.decode_lines(lines)

    def chunks(self) -> Iterator[bytes]:
        """The entries as whole lines of JSON, about a megabyte at a time."""
        self._settle()
        position = 0
        while position >= 0:
            lines, position = self._read_batch(position)
            if lines:
                yield lines

    def _settle(self) -> None:
        if self._waiting:
            self._file.write(self._encoded())

    def _encoded(self) -> bytes:
        waiting, self._waiting = self._waiting, []
        self._counts.update([skip.reason_code for skip in waiting])
        return _encoder.encode_lines(waiting)

    def _read_batch(self, position: int) -> tuple[bytes, int]:
        """Return whole lines from `position` and where to go on (-1 at the end); the file is left at its end."""
        self._file.seek(position)
        lines = self._file.read(_MEMORY_BYTES)
        if lines and not lines.endswith(b"\n"):
            lines += self._file.readline()
        self._file.seek(0, 2)
        return lines, position + len(lines) if lines else -1


def save_loss_report(losses: LossLog, path: Path, *, summary: dict[str, Any] | None = None) -> None:
    """Stream the log into one JSON document: `{"summary", "counts", "losses": [...]}`.

    Args:
        losses: The log of a writer's report.
        path: File to write; its folder must exist.
        summary: More facts to put in front, such as `WriterReport.to_dict()`.
    """
    with path.open("wb") as target:
        for chunk in loss_report_chunks(losses, summary=summary):
            target.write(chunk)


def loss_report_chunks(losses: LossLog, *, summary: dict[str, Any] | None = None) -> Iterator[bytes]:
    """The same document in pieces, for a target that is no path."""
    chunks = losses.chunks()
    first = next(chunks, b"")
    head = {"summary": summary or {}, "counts": {code.value: count for code, count in sorted(losses.counts.items())}}
    yield msgspec.json.encode(head)[:-1] + b',"losses":['
    separator = b"\n"
    for lines in chain([first] if first else (), chunks):
        # Line breaks inside strings are escaped: each one here ends an entry.
        yield separator + lines[:-1].replace(b"\n", b",\n")
        separator = b",\n"
    yield b"\n]}\n"
