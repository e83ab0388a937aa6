"""Bytes in a storage: where an object may lie, how it gets there whole, and how a part of it is read.

An object appears under its path only when it is complete and its size and SHA-256 are those announced. Until then its
bytes lie in a part file that nothing refers to.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from synapse_sdk.exceptions import StorageError
from synapse_sdk.utils.object_store import ObjectUpload
from web_helper.backend.core.problems import NotFoundProblem, Problem, ValidationProblem

PART_FOLDER = ".uploads"
# Longer than any upload takes: what is older was left by a process that died.
PART_KEEP_SECONDS = 86_400
# Large enough that hopping to a thread for each block costs little; small enough for many uploads at once.
BLOCK_BYTES = 1 << 20
MAX_PATH_CHARACTERS = 1024
_ODD_CHARACTER = re.compile(r"[\x00-\x1f\x7f\\:]")


class UnsafePathError(NotFoundProblem):
    """The path does not name an object inside its storage."""


class TransferError(ValidationProblem):
    """The bytes that came are not the bytes that were announced."""


class StorageFailedError(Problem, StorageError):
    """The storage does not take or give bytes at the moment."""


@dataclass(frozen=True)
class Announced:
    """What an upload must turn out to be."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class ObjectFacts:
    """Size and identity of an object's present bytes."""

    size_bytes: int
    etag: str


def path_of_content(sha256: str) -> str:
    """Where bytes of this SHA-256 lie in every storage; the level between keeps folders small."""
    return f"files/{sha256[:2]}/{sha256[2:]}"


def check_object_path(path: str) -> str:
    """Return `path` when it is a plain relative path with `/` between its parts.

    Raises:
        UnsafePathError: It is absolute, empty, steps upward, or holds characters that a file system would reinterpret.
    """
    parts = path.split("/")
    is_plain = all(part not in {"", ".", ".."} for part in parts)
    if not is_plain or _ODD_CHARACTER.search(path) or len(path) > MAX_PATH_CHARACTERS:
        raise UnsafePathError("The path does not name an object inside its storage.")
    return path


def object_at(root: Path, path: str) -> Path:
    """The object at `path` below `root` (a local folder, or a bucket through universal-pathlib).

    Raises:
        UnsafePathError: The path, or a link on its way, leaves the root.
    """
    target = root / check_object_path(path)
    if is_local(root) and not target.resolve().is_relative_to(root.resolve()):
        raise UnsafePathError("The path leaves its storage.")
    return target


def is_local(path: Path) -> bool:
    """Whether the path lies on this machine's file system."""
    return type(path).__module__.startswith("pathlib") or getattr(path, "protocol", None) in {"", "file", "local"}


def is_s3(path: Path) -> bool:
    """Whether the path lies in an S3-compatible store, which takes uploads in parts."""
    return "s3" in str(getattr(path, "protocol", ""))


@contextmanager
def open_remote(target: Path) -> Iterator[BinaryIO]:
    """A stream into an object store; the object appears when the block ends well, and not at all when it does not."""
    if not is_s3(target):
        with target.open("wb") as stream:
            yield stream
        return
    upload = ObjectUpload(target)
    try:
        yield cast("BinaryIO", upload)
        upload.close()
    finally:
        upload.discard()


def facts_of(target: Path) -> ObjectFacts | None:
    """Facts of the object, or None when there is none."""
    try:
        stat = target.stat()
    except FileNotFoundError:
        return None
    if not target.is_file():
        return None
    # Objects are never changed in place, so size and time tell two of one path apart.
    return ObjectFacts(stat.st_size, f"{stat.st_size:x}-{int(getattr(stat, 'st_mtime', 0) * 1e6):x}")


def read_blocks(target: Path, start: int, length: int) -> Iterator[bytes]:
    """`length` bytes of the object from `start`, block by block."""
    with target.open("rb") as file:
        file.seek(start)
        while length > 0 and (block := file.read(min(BLOCK_BYTES, length))):
            length -= len(block)
            yield block


class PartFile:
    """An upload on its way: take blocks, then `finish` or `discard`. All methods block."""

    def __init__(self, root: Path, path: str, announced: Announced) -> None:
        self._target = object_at(root, path)
        self._announced = announced
        self._hash = hashlib.sha256()
        self._received = 0
        self._part: Path | None = None
        self._file: BinaryIO | ObjectUpload = ObjectUpload(self._target) if is_s3(root) else self._open_part(root)

    def _open_part(self, root: Path) -> BinaryIO:
        self._is_local = is_local(root)
        # A part on the same file system can be renamed; for another kind of store it waits on this machine.
        folder = root / PART_FOLDER if self._is_local else Path(tempfile.gettempdir())
        folder.mkdir(parents=True, exist_ok=True)
        self._part = folder / f"{self._announced.sha256[:16]}.{secrets.token_hex(8)}.part"
        return self._part.open("xb")

    def write(self, block: bytes) -> None:
        """Take the next bytes.

        Raises:
            TransferError: More came than was announced.
        """
        self._received += len(block)
        if self._received > self._announced.size_bytes:
            raise TransferError(f"More than the announced {self._announced.size_bytes} bytes came; nothing was kept.")
        self._hash.update(block)
        with _storage_errors():
            self._file.write(block)

    def finish(self) -> None:
        """Check size and hash, then make the object visible.

        Raises:
            TransferError: They are not what was announced.
        """
        if self._received != self._announced.size_bytes:
            raise TransferError(
                f"{self._received} of {self._announced.size_bytes} bytes came; nothing was kept. Send it again."
            )
        if self._hash.hexdigest() != self._announced.sha256:
            raise TransferError("The bytes do not have the announced SHA-256; nothing was kept. Send it again.")
        with _storage_errors():
            if isinstance(self._file, ObjectUpload) or self._part is None:
                self._file.close()
                return
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._place(self._part)

    def discard(self) -> None:
        """Leave nothing behind; harmless after `finish`."""
        if isinstance(self._file, ObjectUpload):
            self._file.discard()
            return
        # On a full disk, closing fails too: what was buffered has nowhere to go.
        with suppress(OSError):
            self._file.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)

    def _place(self, part: Path) -> None:
        if self._is_local:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            # Two uploads of one content rename equal bytes over each other: harmless.
            part.replace(self._target)
            _sync_folder(self._target.parent)
            return
        # A store shows an object only when its upload has ended.
        with part.open("rb") as source, self._target.open("wb") as sink:
            while block := source.read(BLOCK_BYTES):
                sink.write(block)


def check_declared_size(declared: str | None, announced: Announced) -> None:
    """Refuse an upload of another length before a byte of it is read.

    Raises:
        TransferError: The sender's own header says that it is another size.
    """
    if declared is not None and declared.isdigit() and int(declared) != announced.size_bytes:
        raise TransferError(f"{declared} bytes are coming, {announced.size_bytes} were announced; nothing was kept.")


def open_part(root: Path, path: str, announced: Announced) -> PartFile:
    """Begin an upload.

    Raises:
        StorageFailedError: The storage cannot be written.
    """
    with _storage_errors():
        return PartFile(root, path, announced)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise StorageFailedError(f"The storage did not take the bytes ({reason}); nothing was kept.") from exc


async def receive_object(root: Path, path: str, announced: Announced, stream: AsyncIterator[bytes]) -> None:
    """Stream an upload into its object; whatever goes wrong, including a client that hangs up, leaves nothing.

    Raises:
        TransferError: Size or SHA-256 are not what was announced.
        UnsafePathError: The path leaves the storage.
    """
    part = await asyncio.to_thread(open_part, root, path, announced)
    try:
        async for block in _blocks(stream):
            await asyncio.to_thread(part.write, block)
        await asyncio.to_thread(part.finish)
    finally:
        part.discard()


async def _blocks(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Gather a server's small chunks, so that hashing and writing hop to a thread once per block."""
    waiting = bytearray()
    async for chunk in stream:
        waiting += chunk
        if len(waiting) >= BLOCK_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def remove_abandoned_parts(root: Path) -> int:
    """Delete part files that a killed process left; returns how many."""
    folder = root / PART_FOLDER
    if not is_local(root) or not folder.is_dir():
        return 0
    count = 0
    for part in folder.glob("*.part"):
        # An upload may end meanwhile, which takes its part away.
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > PART_KEEP_SECONDS:
                part.unlink()
                count += 1
    return count
