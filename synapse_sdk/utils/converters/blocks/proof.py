"""What was found out about a data set while it was written, and what is left to look at when it is complete.

The guarantee: the format's rules hold for every byte that was handed to the sink (`checks`), and what lies there is
what was handed over. Growing files are read back whole (`Sink.files`); those of single items are there, in their size.
Names and ids are unique because they were given out so, and each block was checked to carry those it was given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks.chunk import Chunk
from synapse_sdk.utils.converters.coco.records import CocoCategory
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.records import ValidationReport
from synapse_sdk.utils.converters.sinks import LocalSink

# Names under which a validator finds splits again as they were written.
_KNOWN_SPLITS = frozenset({"", "train", "val", "test"})
_WHOLE_FILES = {Format.YOLO: "labels", Format.VOC: "Annotations"}
# Where the categories begin; a schema of thousands of classes fits.
_TAIL_BYTES = 1 << 20


class _Frame(msgspec.Struct):
    info: dict[str, str]
    images: list[int]
    annotations: list[int]
    categories: list[CocoCategory]


class Proof:
    """Sums up the blocks.

    Args:
        writer: The data set's writer.
        has_images: Each image was put into its place before its item was written.
    """

    def __init__(self, writer: DatasetWriter, *, has_images: bool) -> None:
        self._writer = writer
        self._has_images = has_images
        self._is_proven = True
        self._files = self._bytes = 0

    def add(self, chunk: Chunk) -> None:
        """Take a block into account."""
        self._is_proven = self._is_proven and chunk.is_proven
        self._files += chunk.written[0]
        self._bytes += chunk.written[1]

    def to_report(self) -> ValidationReport | None:
        """The validation report of the closed data set; None when a validator has to read it all.

        Raises:
            OSError: The data set cannot be read.
        """
        written = self._writer.report
        if not self._is_proven or not _KNOWN_SPLITS.issuperset(written.splits) or not written.images:
            return None
        if not (self._has_frames() and self._has_whole_files() and self._has_all_images()):
            return None
        classes = len(self._writer.classes.names)
        if written.format not in {Format.COCO, Format.YOLO}:
            classes = sum(1 for count in written.per_class.values() if count)
        counts = {"images": written.images, "annotations": written.annotations, "classes": classes}
        return ValidationReport(written.format, counts=counts | {"splits": self._splits()})

    def _splits(self) -> dict[str, int]:
        """Images by split, in the order and under the names in which the format's validator meets them."""
        found, fmt = dict(self._writer.report.splits), self._writer.format
        if fmt is Format.YOLO:
            found = {split or "train": count for split, count in found.items()}
            first = "train" if "train" in found else min(found)
            order = dict.fromkeys([first, *(["val"] if "val" in found else []), *sorted(found)])
            return {split: found[split] for split in order}
        return found if fmt in {Format.CSV, Format.JSONL} else {split: found[split] for split in sorted(found)}

    def _has_frames(self) -> bool:
        """Whether what surrounds the records of COCO files is as it should be."""
        sink = self._writer.sink
        if self._writer.format is not Format.COCO or not isinstance(sink, LocalSink):
            return True
        expected = [(d.id, d.name) for d in self._writer.classes.definitions]
        return all(_categories_of(sink.folder / path) == expected for path in sink.files)

    def _has_whole_files(self) -> bool:
        sink, place = self._writer.sink, _WHOLE_FILES.get(self._writer.format)
        if not isinstance(sink, LocalSink) or place is None:
            return True
        count = size = 0
        for entry in _entries(sink.folder / place):
            count, size = count + 1, size + entry.stat().st_size
        return (count, size) == (self._files, self._bytes)

    def _has_all_images(self) -> bool:
        sink = self._writer.sink
        if not isinstance(sink, LocalSink) or not self._has_images:
            return True
        place = sink.folder / ("JPEGImages" if self._writer.format is Format.VOC else "images")
        return place.is_dir() and sum(1 for _ in _entries(place)) == self._writer.report.images


def _categories_of(path: Path) -> list[tuple[int | str, str]] | None:
    with path.open("rb") as file:
        head = file.readline() + b'"images":['
        if file.read(len(b'"images":[')) != b'"images":[':
            return None
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        _, mark, tail = file.read().rpartition(b'\n],\n"categories":')
    try:
        frame = msgspec.json.decode(head + b'],"annotations":[' + b'],"categories":' + tail, type=_Frame)
    except msgspec.DecodeError:
        return None
    return [(category.id, category.name) for category in frame.categories] if mark else None


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir():
                yield from _entries(Path(entry.path))
            else:
                yield entry
