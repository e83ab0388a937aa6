"""Writing objects into an S3-compatible store: streamed in parts, and visible when they are complete or never.

An object that is written through a file's interface is completed even when its writer fails in the middle, since
closing a file completes it. Here closing and giving up are two different things. Each part carries its MD5, so that
the store itself refuses bytes that changed on the way.
"""

from __future__ import annotations

import base64
import errno
import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# At most 10,000 parts of at least 5 MiB each, but for the last: room for 78 GiB, or 39 GiB for each of two lanes.
PART_BYTES = 8 << 20
MIN_PART_BYTES = 5 << 20
MAX_PARTS = 10_000
FIRST_LATER_PART = 5001
# Parts on their way while the next one is gathered: one hides the network, more only cost memory.
PARTS_IN_FLIGHT = 1
READ_BYTES = 1 << 20

_REASONS = (
    (PermissionError, errno.EACCES, "the store refused access: check access_key, secret_key and the bucket's policy"),
    (FileNotFoundError, errno.ENOENT, "the store has no such bucket or object: check bucket_name"),
)  # fmt: skip


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Tell what went wrong in words that name no address, no key and no signed link.

    Raises:
        OSError: Whatever went wrong, under its proper number.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (OSError, BotoCoreError, ClientError) as exc:
        raise _explained(exc, what) from exc


def _explained(exc: BaseException, what: str) -> OSError:
    if isinstance(exc, _StoreError):
        return exc
    for kind, number, reason in _REASONS:
        if isinstance(exc, kind):
            return _StoreError(number, f"{what}: {reason}")
    response = getattr(exc.__cause__ or exc, "response", None) or {}
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    if code:
        return _StoreError(errno.EIO, f"{what}: the store answered {code}; try again later")
    return _StoreError(errno.EIO, f"{what}: the store does not answer: check endpoint_url, or try again later")


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
        self._lane = _Lane(self._parts, 1)
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
            self._parts.put_whole(bytes(self._lane.waiting))


class JoinedObjectUpload(ObjectUpload):
    """An object of two lanes that grow at the same time: parts may come in any order, with gaps in their numbers.

    What joins the lanes must be a part of the least size as well, so the second lane's head waits in memory for it.
    """

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self._path = path
        self._head = bytearray()
        self._later = _Lane(self._parts, FIRST_LATER_PART + 1)
        self._lane.last_number = FIRST_LATER_PART - 1
        self._later_bytes = 0
        self._whole: Any = None

    def write_later(self, data: bytes, /) -> int:
        """Append to the second lane, which follows the first when the object is closed.

        Raises:
            OSError: An earlier part could not be stored, or the object grows too large.
        """
        room = MIN_PART_BYTES - len(self._head)
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
    """Bytes that become parts of one size, numbered upwards."""

    def __init__(self, parts: _Parts, first_number: int) -> None:
        self._parts, self._number = parts, first_number
        self.last_number = MAX_PARTS
        self.waiting = bytearray()
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.size += len(data)
        self.waiting += data
        while len(self.waiting) >= PART_BYTES:
            part = bytes(memoryview(self.waiting)[:PART_BYTES])
            del self.waiting[:PART_BYTES]
            self._put(part)

    def flush(self) -> None:
        if self.waiting:
            self._put(bytes(self.waiting))
            self.waiting.clear()

    def _put(self, part: bytes) -> None:
        if self._number > self.last_number:
            raise OSError(errno.EFBIG, "the object has more parts than a store takes; export into shards")
        self._parts.put(self._number, part)
        self._number += 1


class _Parts:
    """The parts of one multipart upload; the first one begins it."""

    def __init__(self, path: Any) -> None:
        self._fs, self.name = path.fs, path.name
        self._bucket, self._key, _ = self._fs.split_path(path.path)
        self._upload_id: str | None = None
        self._tags: dict[int, str] = {}
        self._flying: deque[tuple[int, Future[Any]]] = deque()

    @property
    def is_started(self) -> bool:
        return self._upload_id is not None

    def put_whole(self, data: bytes) -> None:
        with store_errors(f"{self.name} cannot be stored"):
            self._call("put_object", Body=data, ContentMD5=md5_of(data)).result()
        self._fs.invalidate_cache()

    def put(self, number: int, data: bytes) -> None:
        with store_errors(f"{self.name} cannot be stored"):
            if self._upload_id is None:
                self._upload_id = self._call("create_multipart_upload").result()["UploadId"]
            facts = {"UploadId": self._upload_id, "PartNumber": number}
            self._flying.append((number, self._call("upload_part", **facts, Body=data, ContentMD5=md5_of(data))))
            while len(self._flying) > PARTS_IN_FLIGHT:
                self._land()

    def complete(self) -> None:
        with store_errors(f"{self.name} cannot be completed"):
            while self._flying:
                self._land()
            parts = [{"PartNumber": number, "ETag": self._tags[number]} for number in sorted(self._tags)]
            upload = {"UploadId": self._upload_id, "MultipartUpload": {"Parts": parts}}
            self._call("complete_multipart_upload", **upload).result()
        self._fs.invalidate_cache()

    def abort(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        for _, future in self._flying:
            future.cancel()
        self._flying.clear()
        if self._upload_id is not None:
            # What cannot be aborted now is aborted by whoever resumes, or by the bucket's own rule.
            with suppress(OSError, BotoCoreError, ClientError):
                self._call("abort_multipart_upload", UploadId=self._upload_id).result()

    def _land(self) -> None:
        number, future = self._flying.popleft()
        self._tags[number] = future.result()["ETag"]

    def _call(self, method: str, **facts: Any) -> Future[Any]:
        return start_call(self._fs, method, Bucket=self._bucket, Key=self._key, **facts)


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


def start_call(fs: Any, method: str, **facts: Any) -> Future[Any]:
    """Begin a request of the store's interface, to be waited for later."""
    # Only who has a store needs it.
    import asyncio

    return asyncio.run_coroutine_threadsafe(fs._call_s3(method, **facts), fs.loop)  # noqa: SLF001 - its public twin waits.


def md5_of(data: bytes) -> str:
    """The MD5 of a body as the store wants it: a check of the way there, no secret."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def abort_uploads(folder: Any) -> int:
    """Abort the unfinished uploads below a path of an S3 storage; answers how many there were.

    Raises:
        OSError: The store does not answer, or refuses.
    """
    fs, count = folder.fs, 0
    bucket, key, _ = fs.split_path(folder.path)
    with store_errors("unfinished uploads cannot be removed"):
        answer = start_call(fs, "list_multipart_uploads", Bucket=bucket, Prefix=f"{key}/" if key else "").result()
        for upload in answer.get("Uploads") or ():
            facts = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
            start_call(fs, "abort_multipart_upload", Bucket=bucket, **facts).result()
            count += 1
    return count


def presigned_url(path: Any, *, seconds: int, method: str = "get_object", **more: Any) -> str:
    """A link to an object of an S3 storage that its holder may use without a key, for a while.

    Args:
        path: The object.
        seconds: How long the link lives.
        method: What it allows: `get_object` or `put_object`.
        **more: What else is signed, such as `ContentLength`.

    Raises:
        OSError: The storage has no usable keys.
    """
    with store_errors(f"{path.name} cannot be linked to"):
        return str(path.fs.url(path.path, expires=seconds, client_method=method, **more))


def check_bucket(path: Any) -> None:
    """Ask the store whether the bucket of a path is there and may be read.

    Raises:
        OSError: It is not, in words for whoever configures the storage.
    """
    bucket, _, _ = path.fs.split_path(path.path)
    with store_errors(f"bucket {bucket}"):
        start_call(path.fs, "list_objects_v2", Bucket=bucket, MaxKeys=1).result()
