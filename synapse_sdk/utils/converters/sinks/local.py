"""A data set in a folder of this machine."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from synapse_sdk.utils.converters.sinks.sink import JoinedOutput, Output, WrittenFile

BUFFER_BYTES = 1 << 20
# The second part of a joined file waits in pieces: each is removed as soon as it is joined, so that the disk never
# holds much more than the result.
PIECE_BYTES = 32 << 20
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)


class LocalSink:
    """Writes below a folder, which is made when it is missing.

    Args:
        folder: The data set's root.
    """

    def __init__(self, folder: Path) -> None:
        self.folder: Path = folder
        self._root = str(folder)
        self._files: dict[str, WrittenFile] = {}
        self._open: list[_LocalOutput] = []
        self._folders: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def files(self) -> Mapping[str, WrittenFile]:
        return self._files

    def make_folder(self, path: str) -> None:
        if path and path not in self._folders:
            (self.folder / path).mkdir(parents=True, exist_ok=True)
            self._folders.add(path)

    def open(self, path: str) -> Output:
        output = _LocalOutput(self._place_of(path), path, self._files)
        self._open.append(output)
        return output

    def open_joined(self, path: str) -> JoinedOutput:
        output = _LocalJoinedOutput(self._place_of(path), path, self._files)
        self._open.append(output)
        return output

    def write(self, path: str, data: bytes) -> None:
        # Without `Path` and `open`: they cost as much as the file itself, once for every image.
        self.make_folder(path.rpartition("/")[0])
        file = os.open(f"{self._root}/{path}", _FLAGS, 0o666)
        try:
            written = os.write(file, data)
            while written < len(data):
                written += os.write(file, data[written:])
        finally:
            os.close(file)

    def place(self, path: str, source: Path, *, link: bool = False) -> None:
        target = self._place_of(path)
        place_file(source, target, link=link)

    def take_back(self, path: str) -> None:
        (self.folder / path).unlink(missing_ok=True)

    def close(self) -> None:
        """The folder is complete as it is."""

    def discard(self) -> None:
        while self._open:
            self._open.pop().discard()

    def _place_of(self, path: str) -> Path:
        self.make_folder(path.rpartition("/")[0])
        return self.folder / path


def place_file(source: Path, target: Path, *, link: bool) -> None:
    """Copy a file, or give it a second name where that is enough.

    Raises:
        OSError: It cannot be read or written.
    """
    if link:
        try:
            os.link(source, target)
        except OSError:
            pass  # Another disk, or one that knows no links: copied instead.
        else:
            return
    shutil.copyfile(source, target)


class _LocalOutput:
    """A file beside its name, read back and renamed when it is complete."""

    def __init__(self, target: Path, path: str, files: dict[str, WrittenFile]) -> None:
        self._target, self._path, self._files = target, path, files
        self._part = target.with_name(target.name + ".part")
        self._file: IO[bytes] = self._part.open("wb", buffering=BUFFER_BYTES)
        self._first = _Lane()
        self._is_over = False

    def write(self, data: bytes, /) -> int:
        self._first.add(data)
        return self._file.write(data)

    def close(self) -> None:
        if self._is_over:
            return
        try:
            self._file.close()
            written = self._complete()
            self._part.replace(self._target)
        except BaseException:
            self.discard()
            raise
        self._is_over = True
        self._files[self._path] = written

    def discard(self) -> None:
        if not self._is_over:
            self._is_over = True
            _drop(self._file, self._part)

    def _complete(self) -> WrittenFile:
        """Put all of it into the file, and read it back."""
        with self._part.open("rb", buffering=0) as file:
            found = _ReadBack(file, [self._first])
            found.read_on()
            return found.finish()


class _LocalJoinedOutput(_LocalOutput):
    def __init__(self, target: Path, path: str, files: dict[str, WrittenFile]) -> None:
        super().__init__(target, path, files)
        self._later = _Lane()
        self._pieces: list[Path] = []
        self._piece: IO[bytes] | None = None

    def write_later(self, data: bytes, /) -> int:
        if self._piece is None:
            self._pieces.append(self._part.with_name(f"{self._part.name}.{len(self._pieces)}"))
            self._piece = self._pieces[-1].open("wb", buffering=BUFFER_BYTES)
        self._later.add(data)
        written = self._piece.write(data)
        if self._piece.tell() >= PIECE_BYTES:
            self._piece.close()
            self._piece = None
        return written

    def discard(self) -> None:
        if self._is_over:
            return
        super().discard()
        if self._piece is not None:
            _drop(self._piece, self._pieces[-1])
        for piece in self._pieces:
            piece.unlink(missing_ok=True)

    def _complete(self) -> WrittenFile:
        # A process that only converts blocks starts without it.
        from concurrent.futures import ThreadPoolExecutor

        if self._piece is not None:
            self._piece.close()
        # What lies there is read back while more is joined to it. Both are work of the system and of C libraries.
        with self._part.open("rb", buffering=0) as file, ThreadPoolExecutor(1) as beside:
            found = _ReadBack(file, [self._first, self._later])
            reading = beside.submit(found.read_on)
            for _ in self._join():
                if reading.done():
                    reading.result()
                    reading = beside.submit(found.read_on)
            reading.result()
            found.read_on()
            return found.finish()

    def _join(self) -> Iterator[None]:
        """Append the pieces to the file, a buffer at a time."""
        with self._part.open("ab", buffering=0) as target:
            for piece in self._pieces:
                with piece.open("rb", buffering=0) as source:
                    while data := source.read(BUFFER_BYTES):
                        _write_all(target, data)
                        yield
                piece.unlink()


class _Lane:
    """Length and CRC-32 of what was handed over: enough to notice an accident, in a third of the time of SHA-256."""

    def __init__(self) -> None:
        self.size = self.crc = 0

    def add(self, data: bytes) -> None:
        self.crc = zlib.crc32(data, self.crc)
        self.size += len(data)


class _ReadBack:
    """What lies on the disk, which must be what was handed over, lane after lane; its SHA-256 is taken on the way."""

    def __init__(self, file: IO[bytes], lanes: Sequence[_Lane]) -> None:
        self._file, self._expected = file, deque(lanes)
        self._found, self._digest, self._size = _Lane(), hashlib.sha256(), 0

    def read_on(self) -> None:
        """Read what is there by now.

        Raises:
            OSError: It is not what was handed over.
        """
        while self._expected:
            expected, found = self._expected[0], self._found
            while data := self._file.read(min(BUFFER_BYTES, expected.size - found.size)):
                found.add(data)
                self._digest.update(data)
            if found.size < expected.size:
                return
            if found.crc != expected.crc:
                raise self._differs()
            self._expected.popleft()
            self._found, self._size = _Lane(), self._size + found.size

    def finish(self) -> WrittenFile:
        """All was written.

        Raises:
            OSError: It is less or more than what was handed over.
        """
        if self._expected or self._file.read(1):
            raise self._differs()
        return WrittenFile(self._size, self._digest.hexdigest())

    def _differs(self) -> OSError:
        return OSError(errno.EIO, f"what lies in {Path(self._file.name).name} is not what was written; check the disk")


def _write_all(file: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _drop(file: IO[bytes], path: Path) -> None:
    """Close and remove an unfinished file; on a full disk closing fails too, which changes nothing any more."""
    with contextlib.suppress(OSError):
        file.close()
    path.unlink(missing_ok=True)
