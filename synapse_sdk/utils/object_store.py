"""Writing objects into an S3-compatible store: streamed in parts, and visible when they are complete or never.

An object that is written through a file's interface is completed even when its writer fails in the middle, since
closing a file completes it. Here closing and giving up are two different things. Each part is signed with its SHA-256,
so that the store itself refuses bytes that changed on the way.
"""

from __future__ import annotations

import errno
import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# At most 10,000 parts of at least 5 MiB each, but for the last. Small ones keep memory low; the last fifth of a lane's
# numbers is for objects that are larger than that: room for 101 GiB, or 50 GiB for each of two lanes.
PART_BYTES = 5 << 20
LATE_PART_BYTES = 32 << 20
MAX_PARTS = 10_000
FIRST_LATER_PART = 5001
# Parts on their way while the next one is gathered: one hides the network, more only cost memory.
PARTS_IN_FLIGHT = 1
READ_BYTES = 1 << 20


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Say what could not be done, before the reason that the store gave.

    Raises:
        OSError: Whatever went wrong, under its proper number.
    """
    try:
        yield
    except _StoreError:
        raise
    except OSError as exc:
        raise _StoreError(exc.errno or errno.EIO, f"{what}: {exc.strerror or type(exc).__name__}") from exc


class _StoreError(OSError):
    """What went wrong in a store, in our own words."""


class ObjectUpload:
    """An object that grows. Nobody sees it before `close`, and never after `discard`.

    Args:
        path: Where to, a `upath.UPath` of an S3 storage.
    """

    def __init__(self, path: Any) -> None:
        self.name = path.name
        self._parts = _Parts(path)
        self._lane = _Lane(self._parts, 1, MAX_PARTS)
        self._is_over = False

    def write(self, data: bytes, /) -> int:
        """Append.

        Raises:
            OSError: An earlier part could not be stored, or the object grows too large.
        """
        self._lane.write(data)
        return len(data)

    def close(self) -> None:
        """Store the rest and make the object visible; a second call changes nothing.

        Raises:
            OSError: It could not be stored; then nothing of it is left.
        """
        if self._is_over:
            return
        try:
            self._complete()
        except BaseException:
            self.discard()
            raise
        self._is_over = True

    def discard(self) -> None:
        """Give up the object, unless it is closed. Raises nothing: it is called when something else went wrong."""
        if not self._is_over:
            self._is_over = True
            self._parts.abort()

    @property
    def size_bytes(self) -> int:
        """Bytes so far."""
        return self._lane.size

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes so far."""
        return self._lane.digest.hexdigest()

    def _complete(self) -> None:
        if self._parts.is_started:
            self._lane.flush()
            self._parts.complete()
        else:
            self._parts.put_whole(self._lane.waiting)


class JoinedObjectUpload(ObjectUpload):
    """An object of two lanes that grow at the same time: parts may come in any order, with gaps in their numbers.

    What joins the lanes must be a part of the least size as well, so the second lane's head waits in memory for it.
    """

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self._path = path
        self._head = bytearray()
        self._lane = _Lane(self._parts, 1, FIRST_LATER_PART - 1)
        self._later = _Lane(self._parts, FIRST_LATER_PART + 1, MAX_PARTS)
        self._later_bytes = 0
        self._whole: Any = None

    def write_later(self, data: bytes, /) -> int:
        """Append to the second lane, which follows the first when the object is closed.

        Raises:
            OSError: An earlier part could not be stored, or the object grows too large.
        """
        room = PART_BYTES - len(self._head)
        if room > 0:
            self._head += data[:room]
        if len(data) > room:
            self._later.write(data[room:] if room > 0 else data)
        self._later_bytes += len(data)
        return len(data)

    @property
    def size_bytes(self) -> int:
        return self._lane.size + self._later_bytes

    @property
    def sha256(self) -> str:
        """SHA-256 of the whole, known when it is closed."""
        return str(self._whole.hexdigest()) if self._whole else ""

    def _complete(self) -> None:
        seam = bytes(self._lane.waiting) + bytes(self._head)
        first_bytes = self._lane.size
        if not self._parts.is_started and len(seam) + len(self._later.waiting) <= PART_BYTES:
            self._parts.put_whole(seam + bytes(self._later.waiting))
        else:
            self._parts.put(FIRST_LATER_PART, seam)
            self._later.flush()
            self._parts.complete()
        # The second lane's digest can only go on where the first one's ended: it is read back, which proves it too.
        self._whole = self._lane.digest.copy()
        with store_errors(f"{self.name} cannot be read back"), self._path.open("rb", block_size=READ_BYTES) as file:
            file.seek(first_bytes)
            while data := file.read(READ_BYTES):
                self._whole.update(data)


class _Lane:
    """Bytes that become parts, numbered upwards."""

    def __init__(self, parts: _Parts, first_number: int, last_number: int) -> None:
        self._parts, self._number, self._last_number = parts, first_number, last_number
        self._late_number = last_number + 1 - (last_number + 1 - first_number) // 5
        self.waiting = bytearray()
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.size += len(data)
        rest = memoryview(data)
        while rest:
            room = self._part_bytes - len(self.waiting)
            self.waiting += rest[:room]
            rest = rest[room:]
            if len(self.waiting) == self._part_bytes:
                self.flush()

    def flush(self) -> None:
        if not self.waiting:
            return
        if self._number > self._last_number:
            raise OSError(errno.EFBIG, "the object has more parts than a store takes; export into shards")
        # Sent as it is: a part is not copied.
        part, self.waiting = self.waiting, bytearray()
        self._parts.put(self._number, part)
        self._number += 1

    @property
    def _part_bytes(self) -> int:
        return PART_BYTES if self._number < self._late_number else LATE_PART_BYTES


class _Parts:
    """The parts of one multipart upload; the first one begins it."""

    def __init__(self, path: Any) -> None:
        self.name = path.name
        self._bucket, self._key = path.fs.bucket, path.fs.key_of(path.path)
        self._upload_id: str | None = None
        self._tags: dict[int, str] = {}
        self._flying: deque[tuple[int, Future[str]]] = deque()

    @property
    def is_started(self) -> bool:
        return self._upload_id is not None

    def put_whole(self, data: bytes | bytearray) -> None:
        with store_errors(f"{self.name} cannot be stored"):
            self._bucket.put(self._key, data)

    def put(self, number: int, data: bytes | bytearray) -> None:
        with store_errors(f"{self.name} cannot be stored"):
            if self._upload_id is None:
                self._upload_id = self._bucket.begin_upload(self._key)
            while len(self._flying) >= PARTS_IN_FLIGHT:
                self._land()
            self._flying.append((number, self._bucket.start_part(self._key, self._upload_id, number, data)))

    def complete(self) -> None:
        with store_errors(f"{self.name} cannot be completed"):
            while self._flying:
                self._land()
            self._bucket.complete_upload(self._key, self._upload_id, self._tags)

    def abort(self) -> None:
        # A part that lands after its upload was aborted would stay.
        wait([future for _, future in self._flying if not future.cancel()])
        self._flying.clear()
        if self._upload_id is not None:
            # What cannot be aborted now is aborted by whoever resumes, or by the bucket's own rule.
            with suppress(OSError):
                self._bucket.abort_upload(self._key, self._upload_id)

    def _land(self) -> None:
        number, future = self._flying.popleft()
        self._tags[number] = future.result()


def upload_file(source: Path, destination: Any) -> None:
    """Copy a file into a store in parts, whole or not at all.

    Args:
        source: A file of this machine.
        destination: Where it goes, a path of the store.

    Raises:
        OSError: It cannot be read, or the store does not take it.
    """
    upload = ObjectUpload(destination)
    try:
        with source.open("rb") as file:
            while data := file.read(READ_BYTES):
                upload.write(data)
        upload.close()
    finally:
        upload.discard()


def abort_uploads(folder: Any) -> int:
    """Abort the unfinished uploads below a path of an S3 storage; answers how many there were.

    Raises:
        OSError: The store does not answer, or refuses.
    """
    bucket, key = folder.fs.bucket, folder.fs.key_of(folder.path)
    with store_errors("unfinished uploads cannot be removed"):
        found = list(bucket.uploads(f"{key}/" if key else ""))
        for begun, upload_id in found:
            bucket.abort_upload(begun, upload_id)
    return len(found)


def check_bucket(path: Any) -> None:
    """Ask the store whether the bucket of a path is there and may be read.

    Raises:
        OSError: It is not, in words for whoever configures the storage.
    """
    bucket = path.fs.bucket
    with store_errors(f"bucket {bucket.name}"):
        bucket.check()


def check_writable(path: Any) -> None:
    """Make sure that a store takes objects below a path: an upload is begun and given up, which nobody sees.

    Raises:
        OSError: It does not, in words for whoever configures the storage.
    """
    bucket, key = path.fs.bucket, path.fs.key_of((path / ".trial").path)
    with store_errors(f"Nothing can be written to the bucket {bucket.name}"):
        bucket.abort_upload(key, bucket.begin_upload(key))
