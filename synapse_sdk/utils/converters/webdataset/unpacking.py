"""Shards of ours unpacked one at a time, so that what reads folders reads them too.

What was unpacked lies on the disk for as long as somebody holds it, or an item that was read from it: an import sends
images some time after it has read them, and must neither lose them nor unpack a whole data set.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

from synapse_sdk.utils.converters.names import split_suffix

_BESIDE = ("*.yaml", "*.yml", "labelmap.txt")
_LISTS = "ImageSets/Main"


class HeldFolder:
    """A folder that is removed when nobody refers to it any more.

    Args:
        beside: Where it is made; the system's place for temporary files when None.
    """

    def __init__(self, beside: Path | None = None) -> None:
        self.path: Path = Path(tempfile.mkdtemp(prefix=".shard-", dir=beside))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class ShardedFolder:
    """A data set of single files that lies in shards; each becomes a small data set of its own.

    Args:
        path: The data set's root.
        beside: Where shards are unpacked; the system's place for temporary files when None.
    """

    def __init__(self, path: Path, beside: Path | None = None) -> None:
        self._path, self._beside = path, beside
        self._lists: dict[str, _NameList] = {}
        self._files = ExitStack()

    def __enter__(self) -> Self:
        for file in sorted((self._path / _LISTS).glob("*.txt")):
            self._lists[file.name] = _NameList(self._files.enter_context(file.open("rb")))
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def describe(self) -> HeldFolder:
        """What the data set says about all shards, and no image.

        Raises:
            OSError: It cannot be read or written.
        """
        held = HeldFolder(self._beside)
        for pattern in _BESIDE:
            for file in self._path.glob(pattern):
                _place_description(file, held.path)
        return held

    def unpack(self, shard: Path) -> HeldFolder:
        """The next shard, with what the data set says about all of them.

        Raises:
            OSError: It cannot be read or unpacked.
            TarError: It is no archive, or has a name that leads out of it.
        """
        held = self.describe()
        with tarfile.open(shard) as archive:
            archive.extractall(held.path, filter="data")
        for name, stems in self._lists.items():
            self._place_list(held.path, name, stems)
        return held

    def _place_list(self, folder: Path, name: str, stems: _NameList) -> None:
        # Lists and shards are in the order of the items: what is listed here stands together.
        files = folder / "Annotations"
        (folder / _LISTS).mkdir(parents=True, exist_ok=True)
        with (folder / _LISTS / name).open("wb") as target:
            target.writelines(stems.take_while(lambda stem: (files / f"{stem}.xml").is_file()))


class _NameList:
    def __init__(self, lines: IO[bytes]) -> None:
        self._lines = lines
        self._next = lines.readline()

    def take_while(self, is_here: Callable[[str], bool]) -> Iterator[bytes]:
        while self._next and is_here(self._next.decode().rstrip("\n")):
            yield self._next
            self._next = self._lines.readline()


def _place_description(file: Path, folder: Path) -> None:
    shutil.copyfile(file, folder / file.name)
    for place in re.findall(r"images/\w+", file.read_text(encoding="utf-8")):
        # A split without an image in this shard is no mistake.
        for name in (place, place.replace("images", "labels", 1)):
            (folder / name).mkdir(parents=True, exist_ok=True)


def unpack_samples(shard: Path) -> Iterator[tuple[HeldFolder, Path | None, str, bytes]]:
    """Each sample of a WebDataset shard: its image, where it has one, the name of its description and that itself.

    Raises:
        OSError: The shard cannot be read, or an image not written.
        TarError: It is no archive.
    """
    held = HeldFolder()
    image: tuple[str, Path] | None = None
    with tarfile.open(shard, "r|") as archive:
        for number, member in enumerate(archive):
            content = archive.extractfile(member)
            if content is None:
                continue
            key, suffix = split_suffix(member.name)
            if suffix == ".json":
                yield held, image[1] if image and image[0] == key else None, member.name, content.read()
                image = None
                continue
            # Not by its name: that is the archive's to choose.
            image = (key, held.path / f"{number}{suffix if suffix.isascii() and suffix[1:].isalnum() else ''}")
            with image[1].open("wb") as file:
                shutil.copyfileobj(content, file)
