"""Where the images of a finished export are: beside its annotations, or inside its shards.

An image in a shard is named by its place there, `shard.tar#offset,size`: nothing is unpacked, and a merged export reads
each image once.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from synapse_sdk.exceptions import ExportError, StorageError
from synapse_sdk.plugins.actions.export.output.originals import File, OriginalFiles
from synapse_sdk.utils.converters import Format
from synapse_sdk.utils.converters.sinks.shards import INDEX_NAME, Member, member_as_is
from synapse_sdk.utils.converters.webdataset.reader import read_index
from synapse_sdk.utils.converters.webdataset.writer import member_of_sample
from synapse_sdk.utils.file.download import check_chunks

_PLACE = re.compile(r"(.+\.tar)#(\d+),(\d+)")
_CHUNK_BYTES = 1 << 20
_LABELS = {Format.YOLO: "labels/", Format.VOC: "Annotations/"}


class ImagePlaces(Protocol):
    """Finds the images of one export; asked for them in the order of its items, those left out among them."""

    def find(self, path: str) -> str | None:
        """A link to the image that belongs at `path` of the data set; None when it is not there."""


def open_images(folder: Path, fmt: Format) -> ImagePlaces:
    """The images of an export in `folder`.

    Raises:
        FormatError: Its shards have no readable index.
    """
    return ShardedImages(folder, fmt) if (folder / INDEX_NAME).is_file() else PlainImages(folder)


class PlainImages:
    """Images that lie in the export's folder.

    Args:
        folder: The export.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, path: str) -> str | None:
        return str(self._folder / path)


class ShardedImages:
    """Images in shards, which are in the order of the items.

    Args:
        folder: The export.
        fmt: Its format.
    """

    def __init__(self, folder: Path, fmt: Format) -> None:
        self._folder, self._fmt = folder, fmt
        self._shards = [shard.path for shard in read_index(folder).shards]
        self._series: dict[str, Iterator[tuple[str, str]]] = {}
        self._next: dict[str, tuple[str, str] | None] = {}

    def find(self, path: str) -> str | None:
        member = self._member_of(path)
        if member is None:
            return None
        if member.series not in self._series:
            self._series[member.series] = self._images_of(member.series)
            self._advance(member.series)
        waiting = self._next[member.series]
        # Another name: the item was left out of the data set, and the image that waits is that of a later one.
        if waiting is None or waiting[0] != member.name:
            return None
        self._advance(member.series)
        return waiting[1]

    def _member_of(self, path: str) -> Member | None:
        return member_of_sample(path) if self._fmt is Format.WEBDATASET else member_as_is(path)

    def _advance(self, series: str) -> None:
        self._next[series] = next(self._series[series], None)

    def _images_of(self, series: str) -> Iterator[tuple[str, str]]:
        for name in self._shards:
            if name.rpartition("-")[0] != series:
                continue
            shard = self._folder / name
            try:
                with tarfile.open(shard, "r:") as archive:
                    for member in archive:
                        if not self._is_label(member.name):
                            yield member.name, f"{shard}#{member.offset_data},{member.size}"
            except (OSError, tarfile.TarError) as exc:
                raise ExportError(f"{shard} cannot be read ({exc}). Export again.") from exc

    def _is_label(self, name: str) -> bool:
        folder = _LABELS.get(self._fmt)
        return name.startswith(folder) if folder else name.endswith(".json")


class MergedOriginals(OriginalFiles):
    """Fetches images out of finished exports, those inside shards too."""

    def _chunks(self, file: File) -> Iterator[bytes]:
        place = _PLACE.fullmatch(str(file.get("url") or ""))
        if place is None:
            return super()._chunks(file)
        chunks = _read_range(Path(place[1]), int(place[2]), int(place[3]))
        facts: dict[str, Any] = {"expected_sha256": file.get("sha256"), "expected_size": file.get("size_bytes")}
        return check_chunks(chunks, Path(place[1]).name, **facts)


def _read_range(path: Path, offset: int, size: int) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            while size and (chunk := file.read(min(_CHUNK_BYTES, size))):
                size -= len(chunk)
                yield chunk
    except OSError as exc:
        raise StorageError(f"{path.name} could not be read: {exc.strerror or exc}.") from exc
