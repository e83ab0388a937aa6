"""One bucket of an S3-compatible store, through botocore: the requests that we need of it, and no more.

Answers that mend themselves are waited for; others are an `OSError` that names no address, key or signature.
"""

from __future__ import annotations

import ctypes
import errno
import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.loaders import JSONFileLoader
from botocore.parsers import ResponseParserError

from synapse_sdk.utils.s3.refusals import STRANGE, refusal_of, status_of

# Attempts of one request. Somebody waits for the answer of a check.
ATTEMPTS = 4
ATTEMPTS_OF_A_CHECK = 2
CONNECT_SECONDS = 2
READ_SECONDS = 60
# Requests on their way at once, and connections that are kept.
MAX_REQUESTS = 16
# The store copies up to 5 GiB in one request; more goes in parts of this size.
COPY_PART_BYTES = 1 << 30
_CUT = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
# Answers of a store that has such an object, or stores another there right now; and of one that knows no conditions.
_TAKEN = (409, 412)
_UNKNOWN = 501
_session_lock = Lock()
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 20


@dataclass(frozen=True)
class Connection:
    """Where a bucket is, and who asks: without keys, whoever botocore finds on this machine."""

    bucket: str
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    region: str = "us-east-1"
    endpoint_url: str | None = None

    def client(self, attempts: int) -> Any:
        """A client of botocore.

        Raises:
            OSError: The configuration names no address, or no region.
        """
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=MAX_REQUESTS,
            retries={"mode": "standard", "total_max_attempts": attempts},
            # Every body is signed with its SHA-256, which the store checks; other sums are not known to all stores.
            s3={"payload_signing_enabled": True, "addressing_style": "path" if self.endpoint_url else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        arguments = {
            "region_name": self.region,
            "endpoint_url": self.endpoint_url,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
        }
        # Sessions are not for several threads; clients are.
        with _session_lock:
            try:
                return _told(lambda: _session().create_client("s3", config=config, **arguments))
            except ValueError as exc:
                raise OSError(errno.EINVAL, "endpoint_url is no address: give one such as https://store.test") from exc


@lru_cache(1)
def _session() -> Any:
    """What S3 is takes megabytes to know: all clients know it from here."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        # Once a part of an object was freed, glibc would keep blocks of its size, with holes between them.
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    session = botocore.session.Session()
    session.get_component("data_loader").file_loader = _LeanFiles()
    return session


class _LeanFiles(JSONFileLoader):  # type: ignore[misc]  # botocore tells no types.
    """botocore's descriptions, without where Amazon's 400 other services are: 7 MB less in a process that asks a store.

    Its own are of ordered dictionaries, which are twice as large.
    """

    def load_file(self, file_path: str) -> Any:
        for suffix, opened in ((".json", Path.open), (".json.gz", gzip.open)):
            with suppress(FileNotFoundError), opened(Path(file_path + suffix), "rb") as file:
                found = msgspec.json.decode(file.read())
                for partition in found["partitions"] if file_path.endswith("endpoints") else ():
                    services = partition["services"]
                    partition["services"] = {name: services[name] for name in ("s3",) if name in services}
                return found
        return None


@dataclass(frozen=True)
class ObjectEntry:
    """An object, or a folder, as a listing or a look at it tells."""

    key: str
    size: int = 0
    etag: str = ""
    modified: datetime | None = None
    is_folder: bool = False


class Bucket:
    """Requests to one bucket, from any thread.

    Raises:
        OSError: The store does not answer, or refuses: `FileNotFoundError` and `PermissionError` where it says so.
    """

    def __init__(self, connection: Connection) -> None:
        self.name = connection.bucket
        self._connection = connection
        self._pool = ThreadPoolExecutor(MAX_REQUESTS, thread_name_prefix="s3")

    @cached_property
    def _client(self) -> Any:
        return self._connection.client(ATTEMPTS)

    def check(self) -> None:
        """Ask whether the bucket is there and may be read; somebody waits for the answer."""
        client = self._connection.client(ATTEMPTS_OF_A_CHECK)
        # A page of some website may well be XML.
        if "Name" not in self._ask(client.list_objects_v2, MaxKeys=1):
            raise OSError(errno.EIO, STRANGE)

    def put(self, key: str, data: bytes | bytearray) -> None:
        """Store an object."""
        self._ask(self._client.put_object, Key=key, Body=data)

    def put_new(self, key: str, data: bytes) -> None:
        """Store an object where none is. A store that knows no conditions replaces what is there.

        Raises:
            FileExistsError: There is one, or one is being stored; it may be this one, where an answer was lost.
        """
        try:
            self._ask(self._client.put_object, Key=key, Body=data, IfNoneMatch="*")
        except OSError as exc:
            status = status_of(exc.__cause__)
            if status in _TAKEN:
                raise FileExistsError(errno.EEXIST, "the store has such an object") from exc
            if status != _UNKNOWN:
                raise
            self.put(key, data)

    def start_put(self, key: str, data: bytes | bytearray) -> Future[None]:
        """Begin to store an object, to be waited for later."""
        return self._pool.submit(self.put, key, data)

    def look(self, key: str) -> ObjectEntry:
        """What is known of an object."""
        found = self._ask(self._client.head_object, Key=key)
        return ObjectEntry(key, found["ContentLength"], found["ETag"], found["LastModified"])

    def get(self, key: str, start: int, end: int, *, etag: str = "") -> bytes:
        """The bytes from `start` up to `end` of an object, of this version of it."""
        wanted = {"Key": key, "Range": f"bytes={start}-{end - 1}"} | ({"IfMatch": etag} if etag else {})
        attempt = 1
        while True:
            body = self._ask(self._client.get_object, **wanted)["Body"]
            try:
                return bytes(body.read())
            except _CUT as exc:
                # The library repeats questions, but not an answer that ends too early.
                if attempt == ATTEMPTS:
                    raise refusal_of(exc) from exc
                attempt += 1

    def delete(self, key: str) -> None:
        """Delete an object; one that is gone is fine."""
        self._ask(self._client.delete_object, Key=key)

    def delete_all(self, keys: Iterable[str]) -> None:
        """Delete objects, many at a time: stores differ in the sum that they want of a list of them."""
        for _ in self._pool.map(self.delete, keys):
            pass

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the bucket, by the store itself."""
        origin, size = {"Bucket": self.name, "Key": source}, self.look(source).size
        if size <= COPY_PART_BYTES:
            self._ask(self._client.copy_object, Key=target, CopySource=origin)
            return
        upload_id, tags = self.begin_upload(target), {}
        for number, start in enumerate(range(0, size, COPY_PART_BYTES), 1):
            reach = f"bytes={start}-{min(size, start + COPY_PART_BYTES) - 1}"
            place = {"Key": target, "UploadId": upload_id, "PartNumber": number}
            part = self._ask(self._client.upload_part_copy, CopySource=origin, CopySourceRange=reach, **place)
            tags[number] = part["CopyPartResult"]["ETag"]
        self.complete_upload(target, upload_id, tags)

    def list(self, prefix: str, *, delimiter: str = "", most: int | None = None) -> Iterator[ObjectEntry]:
        """Objects whose key begins with `prefix`; with a delimiter, those of one folder, and its folders."""
        paging = {"MaxItems": most, "PageSize": most}
        for page in self._pages("list_objects_v2", Prefix=prefix, Delimiter=delimiter, PaginationConfig=paging):
            for found in page.get("Contents", ()):
                yield ObjectEntry(found["Key"], found["Size"], found["ETag"], found["LastModified"])
            for found in page.get("CommonPrefixes", ()):
                yield ObjectEntry(found["Prefix"], is_folder=True)

    def begin_upload(self, key: str) -> str:
        """Begin an object of parts; answers the upload's id."""
        return str(self._ask(self._client.create_multipart_upload, Key=key)["UploadId"])

    def start_part(self, key: str, upload_id: str, number: int, data: bytes | bytearray) -> Future[str]:
        """Begin to store a part, to be waited for later; answers its tag."""
        return self._pool.submit(self._put_part, key, upload_id, number, data)

    def complete_upload(self, key: str, upload_id: str, tags: Mapping[int, str]) -> None:
        """Make an object of its parts."""
        parts = [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]
        upload = {"UploadId": upload_id, "MultipartUpload": {"Parts": parts}}
        self._ask(self._client.complete_multipart_upload, Key=key, **upload)

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Forget an upload and its parts."""
        self._ask(self._client.abort_multipart_upload, Key=key, UploadId=upload_id)

    def uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Key and id of each unfinished upload below a prefix."""
        for page in self._pages("list_multipart_uploads", Prefix=prefix):
            for found in page.get("Uploads", ()):
                yield found["Key"], found["UploadId"]

    def _put_part(self, key: str, upload_id: str, number: int, data: bytes | bytearray) -> str:
        part = {"UploadId": upload_id, "PartNumber": number, "Body": data}
        return str(self._ask(self._client.upload_part, Key=key, **part)["ETag"])

    def _pages(self, operation: str, **asked: Any) -> Iterator[Any]:
        pages = iter(self._client.get_paginator(operation).paginate(Bucket=self.name, **asked))
        while (page := _told(lambda: next(pages, None))) is not None:
            yield page

    def _ask(self, operation: Callable[..., Any], **asked: Any) -> Any:
        return _told(lambda: operation(Bucket=self.name, **asked))


def _told(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (BotoCoreError, ClientError, ResponseParserError) as exc:
        raise refusal_of(exc) from exc
