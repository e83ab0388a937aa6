"""One bucket of an S3-compatible store: the requests that we need of it, and no more.

Answers that mend themselves are waited for; others are an `OSError` that names no address, key or signature.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote_plus

import httpx2

from synapse_sdk.utils.retry import RetryPolicy
from synapse_sdk.utils.s3.answers import SILENT, check_answer, code_of, document, item, parse, refusal
from synapse_sdk.utils.s3.signing import Signer, quote_path, quote_query

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# A store that is not there is told in four seconds; one that is asked to be patient, in two and a half.
RETRIES = RetryPolicy(retries=3, statuses=frozenset({429, 500, 502, 503, 504}))
ONE_RETRY = RetryPolicy(retries=1, statuses=RETRIES.statuses)
TIMEOUT = httpx2.Timeout(60, connect=2)
# Requests on their way at once, and connections that are kept.
MAX_REQUESTS = 16
# What a socket is given at once: slices of a large body are not copied.
SLICE_BYTES = 256 << 10
# The store copies up to 5 GiB in one request; more goes in parts of this size.
COPY_PART_BYTES = 1 << 30
DELETED_AT_ONCE = 1000

Body = bytes | bytearray
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Connection:
    """Where a bucket is, and who asks."""

    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    endpoint_url: str | None = None

    @property
    def url(self) -> httpx2.URL:
        """The bucket's own address. A store with an address of its own has its buckets as folders."""
        if self.endpoint_url:
            return httpx2.URL(f"{self.endpoint_url.rstrip('/')}/{quote_path(self.bucket)}")
        host = f"s3.{self.region}.amazonaws.com"
        # A certificate's `*` stands for one name without dots.
        if "." in self.bucket:
            return httpx2.URL(f"https://{host}/{quote_path(self.bucket)}")
        return httpx2.URL(f"https://{self.bucket}.{host}")


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
        self._url = connection.url
        self._host = self._url.netloc.decode()
        self._base = self._url.path.rstrip("/")
        self._signer = Signer(connection.access_key, connection.secret_key, connection.region)
        limits = httpx2.Limits(max_connections=MAX_REQUESTS, max_keepalive_connections=MAX_REQUESTS)
        self._http = httpx2.Client(timeout=TIMEOUT, limits=limits)
        self._pool = ThreadPoolExecutor(MAX_REQUESTS, thread_name_prefix="s3")
        weakref.finalize(self, self._http.close)

    def check(self) -> None:
        """Ask whether the bucket is there and may be read; somebody waits for the answer."""
        self._request("GET", query=[("list-type", "2"), ("max-keys", "1")], policy=ONE_RETRY)

    def put(self, key: str, data: Body) -> None:
        """Store an object."""
        self._request("PUT", key, body=data)

    def start_put(self, key: str, data: Body) -> Future[httpx2.Response]:
        """Begin to store an object, to be waited for later."""
        return self._pool.submit(self._request, "PUT", key, body=data)

    def look(self, key: str) -> ObjectEntry:
        """What is known of an object."""
        headers = self._request("HEAD", key).headers
        modified = datetime.strptime(headers["last-modified"], "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC)
        return ObjectEntry(key, int(headers["content-length"]), headers.get("etag", ""), modified)

    def get(self, key: str, start: int, end: int, *, etag: str = "") -> bytes:
        """The bytes from `start` up to `end` of an object, of this version of it."""
        wanted = {"range": f"bytes={start}-{end - 1}"} | ({"if-match": etag} if etag else {})
        return self._request("GET", key, headers=wanted).content

    def delete(self, key: str) -> None:
        """Delete an object; one that is gone is fine."""
        self._request("DELETE", key)

    def delete_all(self, keys: Sequence[str]) -> None:
        """Delete objects, a thousand in each request."""
        for start in range(0, len(keys), DELETED_AT_ONCE):
            body = document("Delete", (item("Object", Key=key) for key in keys[start : start + DELETED_AT_ONCE]))
            md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
            answer = self._request("POST", query=[("delete", "")], body=body, headers={"content-md5": md5})
            if (refused := parse(answer).find("{*}Error")) is not None:
                raise refusal(answer.status_code, code_of(refused))

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the bucket, by the store itself."""
        origin = quote_path(f"/{self.name}/{source}")
        size = self.look(source).size
        if size <= COPY_PART_BYTES:
            parse(self._request("PUT", target, headers={"x-amz-copy-source": origin}))
            return
        upload_id, tags = self.begin_upload(target), {}
        for number, start in enumerate(range(0, size, COPY_PART_BYTES), 1):
            reach = f"bytes={start}-{min(size, start + COPY_PART_BYTES) - 1}"
            headers = {"x-amz-copy-source": origin, "x-amz-copy-source-range": reach}
            answer = self._request("PUT", target, query=_part_of(upload_id, number), headers=headers)
            tags[number] = parse(answer).findtext("{*}ETag", "")
        self.complete_upload(target, upload_id, tags)

    def list(self, prefix: str, *, delimiter: str = "", most: int | None = None) -> Iterator[ObjectEntry]:
        """Objects whose key begins with `prefix`; with a delimiter, those of one folder, and its folders."""
        query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
        query += [("delimiter", delimiter)] if delimiter else []
        query += [("max-keys", str(most))] if most else []
        more: Query = ()
        while True:
            page = parse(self._request("GET", query=[*query, *more]))
            yield from (_entry_of(found) for found in page.iterfind("{*}Contents"))
            for found in page.iterfind("{*}CommonPrefixes"):
                yield ObjectEntry(unquote_plus(found.findtext("{*}Prefix", "")), is_folder=True)
            token = page.findtext("{*}NextContinuationToken")
            if most or not token:
                return
            more = [("continuation-token", token)]

    def begin_upload(self, key: str) -> str:
        """Begin an object of parts; answers the upload's id."""
        return parse(self._request("POST", key, query=[("uploads", "")])).findtext("{*}UploadId", "")

    def start_part(self, key: str, upload_id: str, number: int, data: Body) -> Future[str]:
        """Begin to store a part, to be waited for later; answers its tag."""
        return self._pool.submit(self._put_part, key, upload_id, number, data)

    def complete_upload(self, key: str, upload_id: str, tags: Mapping[int, str]) -> None:
        """Make an object of its parts."""
        parts = (item("Part", PartNumber=str(number), ETag=tags[number]) for number in sorted(tags))
        body = document("CompleteMultipartUpload", parts)
        answer = self._request("POST", key, query=[("uploadId", upload_id)], body=body)
        # The store answers that it has begun, and may find later that it cannot.
        if (root := parse(answer)).tag.endswith("Error"):
            raise refusal(answer.status_code, code_of(root))

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Forget an upload and its parts."""
        self._request("DELETE", key, query=[("uploadId", upload_id)])

    def uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Key and id of each unfinished upload below a prefix."""
        query = [("uploads", ""), ("encoding-type", "url"), ("prefix", prefix)]
        more: Query = ()
        while True:
            page = parse(self._request("GET", query=[*query, *more]))
            for found in page.iterfind("{*}Upload"):
                yield unquote_plus(found.findtext("{*}Key", "")), found.findtext("{*}UploadId", "")
            if page.findtext("{*}IsTruncated") != "true":
                return
            marker = unquote_plus(page.findtext("{*}NextKeyMarker", ""))
            more = [("key-marker", marker), ("upload-id-marker", page.findtext("{*}NextUploadIdMarker", ""))]

    def _put_part(self, key: str, upload_id: str, number: int, data: Body) -> str:
        return str(self._request("PUT", key, query=_part_of(upload_id, number), body=data).headers["etag"])

    def _request(
        self,
        method: str,
        key: str = "",
        *,
        query: Query = (),
        body: Body = b"",
        headers: Mapping[str, str] | None = None,
        policy: RetryPolicy = RETRIES,
    ) -> httpx2.Response:
        path, asked = quote_path(f"{self._base}/{key}"), quote_query(query)
        url = self._url.copy_with(raw_path=f"{path}?{asked}".rstrip("?").encode())
        facts = {"host": self._host, "content-length": str(len(body)), **(headers or {})}
        attempt = 0
        while True:
            signed = self._signer.sign(method, path, asked, headers=facts, body=body, now=datetime.now(UTC))
            try:
                answer = self._http.request(method, url, headers=signed, content=_slices(body) if body else b"")
            except httpx2.RequestError as exc:
                wait = policy.wait_after_error(attempt, exc, repeatable=True)
                if wait is None:
                    raise OSError(errno.EIO, SILENT) from exc
            else:
                wait = policy.wait_after_status(attempt, answer.status_code, answer.headers.get("retry-after"))
                if wait is None:
                    check_answer(answer)
                    return answer
            time.sleep(wait)
            attempt += 1


def _slices(body: Body) -> Iterator[bytes]:
    # A socket takes views of bytes as well, which are no copies.
    view = cast("bytes", memoryview(body))
    for start in range(0, len(view), SLICE_BYTES):
        yield view[start : start + SLICE_BYTES]


def _part_of(upload_id: str, number: int) -> Query:
    return [("partNumber", str(number)), ("uploadId", upload_id)]


def _entry_of(found: Element) -> ObjectEntry:
    modified = datetime.fromisoformat(found.findtext("{*}LastModified", ""))
    key, size = unquote_plus(found.findtext("{*}Key", "")), int(found.findtext("{*}Size", "0"))
    return ObjectEntry(key, size, found.findtext("{*}ETag", ""), modified)
