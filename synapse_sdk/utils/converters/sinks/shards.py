"""Many small files in few tar archives: ten million files are more than any file system, or person, handles well.

An image waits beside until the file that describes it comes, so that both lie side by side in one shard, in the order
of the items: the same items give the same shards, however many processes convert them.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.names import split_suffix
from synapse_sdk.utils.converters.sinks.local import place_file
from synapse_sdk.utils.converters.sinks.sink import JoinedOutput, Output, Sink, WrittenFile

INDEX_NAME = "shards.json"
SHARD_ITEMS = 10_000
SHARD_BYTES = 1 << 30
_SHARDABLE = frozenset({Format.YOLO, Format.VOC})
_BLOCK = tarfile.BLOCKSIZE
_END = b"\0" * (20 * _BLOCK)
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class ShardLimits:
    """Where one shard ends and the next begins.

    Attributes:
        items: Images, with what describes them, in one shard.
        size_bytes: Bytes of one shard; a single item may be larger.
    """

    items: int = SHARD_ITEMS
    size_bytes: int = SHARD_BYTES


def is_sharded(fmt: Format, root: Path) -> bool:
    """Whether a data set of single files lies in shards of ours."""
    return fmt in _SHARDABLE and (root / INDEX_NAME).is_file()


@dataclass(frozen=True)
class Member:
    """Which archives a file goes into, and what it is called there."""

    series: str
    name: str


def member_as_is(path: str) -> Member | None:
    """The same relative path inside the shards; what lies at the root, such as `data.yaml`, stays outside."""
    return Member("shard", path) if "/" in path else None


class ShardSink:
    """Puts the files of items into shards, and everything else where it went before.

    Args:
        inner: Where the shards go.
        limits: How large a shard is.
        member_of: Where inside the shards a file goes; None for one that stays outside.
    """

    def __init__(
        self, inner: Sink, limits: ShardLimits, member_of: Callable[[str], Member | None] = member_as_is
    ) -> None:
        self._inner, self._limits, self._member_of = inner, limits, member_of
        self._series: dict[str, _Series] = {}
        self._images: dict[str, tuple[str, Path]] = {}
        self._waiting: tempfile.TemporaryDirectory[str] | None = None
        self._number = 0
        self._is_closed = False

    folder = None

    @property
    def files(self) -> Mapping[str, WrittenFile]:
        return self._inner.files

    def make_folder(self, path: str) -> None:
        """Nothing: folders are in the names of what lies in them."""

    def open(self, path: str) -> Output:
        return self._inner.open(path)

    def open_joined(self, path: str) -> JoinedOutput:
        return self._inner.open_joined(path)

    def write(self, path: str, data: bytes) -> None:
        member = self._member_of(path)
        if member is None:
            self._inner.write(path, data)
            return
        series = self._series.setdefault(member.series, _Series(self._inner, member.series, self._limits))
        image = self._images.pop(_stem_of(path), None)
        if image is None:
            series.add(member.name, data, None)
            return
        target, source = image
        placed = self._member_of(target)
        series.add(member.name, data, (placed.name if placed else target, source))
        source.unlink()

    def place(self, path: str, source: Path, *, link: bool = False) -> None:
        if self._waiting is None:
            beside = self._inner.folder
            self._waiting = tempfile.TemporaryDirectory(prefix=".images-", dir=beside)
        self._number += 1
        kept = Path(self._waiting.name) / str(self._number)
        place_file(source, kept, link=link)
        self._images[_stem_of(path)] = (path, kept)

    def take_back(self, path: str) -> None:
        """Forget an image that waits: nothing will describe it."""
        image = self._images.pop(_stem_of(path), None)
        if image is not None:
            image[1].unlink()

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        shards = [shard for name in sorted(self._series) for shard in self._series[name].close()]
        facts = [
            {"path": path, "items": items, "size_bytes": file.size_bytes, "sha256": file.sha256}
            for path, items in shards
            for file in (self._inner.files[path],)
        ]
        index = msgspec.json.encode({"schema_version": 1, "items": sum(n for _, n in shards), "shards": facts})
        self._inner.write(INDEX_NAME, msgspec.json.format(index, indent=2) + b"\n")
        self._forget_images()
        self._inner.close()

    def discard(self) -> None:
        self._forget_images()
        self._inner.discard()

    def _forget_images(self) -> None:
        self._images.clear()
        if self._waiting is not None:
            self._waiting.cleanup()
            self._waiting = None


class _Series:
    """The shards of one name, counted from `train-000000.tar`."""

    def __init__(self, inner: Sink, name: str, limits: ShardLimits) -> None:
        self._inner, self._name, self._limits = inner, name, limits
        self._output: Output | None = None
        self._items = self._bytes = 0
        self._shards: list[tuple[str, int]] = []

    def add(self, name: str, data: bytes, image: tuple[str, Path] | None) -> None:
        body = _header(name, len(data)) + data + _padding(len(data))
        if image is None:
            self._shard_for(len(body)).write(body)
        else:
            image_bytes = image[1].stat().st_size
            head, tail = _header(image[0], image_bytes), _padding(image_bytes)
            output = self._shard_for(len(head) + image_bytes + len(tail) + len(body))
            output.write(head)
            with image[1].open("rb", buffering=0) as file:
                while block := file.read(_COPY_BYTES):
                    output.write(block)
            output.write(tail + body)
        self._items += 1

    def close(self) -> list[tuple[str, int]]:
        self._end_shard()
        return self._shards

    def _shard_for(self, size: int) -> Output:
        is_full = self._items >= self._limits.items or self._bytes + size + len(_END) > self._limits.size_bytes
        if self._output is not None and is_full and self._items:
            self._end_shard()
        if self._output is None:
            self._output = self._inner.open(self._path())
        self._bytes += size
        return self._output

    def _path(self) -> str:
        return f"{self._name}-{len(self._shards):06d}.tar"

    def _end_shard(self) -> None:
        if self._output is not None:
            self._output.write(_END)
            self._output.close()
            self._shards.append((self._path(), self._items))
            self._output, self._items, self._bytes = None, 0, 0


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _BLOCK)


def _stem_of(path: str) -> str:
    return split_suffix(path.rpartition("/")[2])[0]
