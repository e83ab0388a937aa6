"""Downloads that end complete or not at all.

Bytes are streamed, hashed on the way, written beside the target and renamed. A connection that breaks in the middle is
taken up again where it stopped (`Range`), and only when the server still has the same content (`ETag`). No credentials
are sent: the URLs are signed, or the caller passes a client that carries its own.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import httpx2
import msgspec

from synapse_sdk.exceptions import ClientError, ConfigurationError, StorageError, raise_for_status
from synapse_sdk.utils.network import is_loopback, sanitize_error_message, transport_error
from synapse_sdk.utils.retry import RetryPolicy

CHUNK_BYTES = 2**18
CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 60.0


def download_json(
    url: str,
    *,
    client: httpx2.Client | None = None,
    timeout: float = READ_TIMEOUT_SECONDS,
    expected_sha256: str | None = None,
    retry: RetryPolicy | None = None,
) -> Any:
    """The decoded JSON document behind a URL, such as a presigned payload.

    Args:
        url: Where it is.
        client: Sends the requests; one without credentials when None.
        timeout: Longest silence of the server, in seconds.
        expected_sha256: What its bytes must turn out to be.
        retry: When a failed request is repeated.

    Raises:
        ClientError: It could not be fetched, or is not JSON.
        StorageError: Its bytes are not the announced ones.
    """
    chunks = iter_download(url, client=client, timeout=timeout, expected_sha256=expected_sha256, retry=retry)
    return _decode(b"".join(chunks), url)


class JsonDownload:
    """What `download_json` does, request by request, for those who have other things to do between two of them.

    Args:
        url: Where the document is: http or https.
        client: Sends the requests.
        timeout: Longest silence of the server, in seconds.
        expected_sha256: What its bytes must turn out to be.
        retry: When a failed request is repeated.
    """

    def __init__(
        self,
        url: str,
        client: httpx2.Client,
        *,
        timeout: float = READ_TIMEOUT_SECONDS,
        expected_sha256: str | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._url, self._expected_sha256 = url, expected_sha256
        self._download = _Download(client, url, timeout, retry or RetryPolicy())
        self._body = b""

    def request(self) -> float | None:
        """Send one request; answers the seconds to wait before the next, or None when all is there.

        Raises:
            ClientError: It could not be fetched, and is not worth another request.
            StorageError: The content changed between two requests.
        """
        for chunk in self._download.request():
            self._body += chunk
        return self._download.wait_seconds

    def document(self) -> Any:
        """The decoded document, once all is there.

        Raises:
            ClientError: It is not JSON.
            StorageError: Its bytes are not the announced ones.
        """
        name = _source_name(self._url)
        return _decode(b"".join(check_chunks([self._body], name, expected_sha256=self._expected_sha256)), self._url)


def _decode(body: bytes, url: str) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as exc:
        raise ClientError(None, f"{sanitize_error_message(url)} did not answer with JSON ({exc}).") from exc


def download_file(
    source: str | Path,
    target: str | Path,
    *,
    client: httpx2.Client | None = None,
    expected_sha256: str | None = None,
    expected_size: int | None = None,
    timeout: float = READ_TIMEOUT_SECONDS,
    retry: RetryPolicy | None = None,
) -> Path:
    """Fetch a URL, or copy a local file, to `target`; nothing is left at `target` when it fails.

    Raises:
        ClientError: The URL could not be fetched.
        StorageError: The bytes are not the announced ones, or a file cannot be read or written.
    """
    chunks = iter_download(
        source,
        client=client,
        timeout=timeout,
        expected_sha256=expected_sha256,
        expected_size=expected_size,
        retry=retry,
    )
    target = Path(target)
    # One name per writer: two downloads of one target must not write into each other's part.
    part = target.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
        part.replace(target)
    except OSError as exc:
        raise StorageError(f"{target.name} could not be written: {exc.strerror or exc}.") from exc
    finally:
        part.unlink(missing_ok=True)
    return target


def iter_download(
    source: str | Path,
    *,
    client: httpx2.Client | None = None,
    expected_sha256: str | None = None,
    expected_size: int | None = None,
    timeout: float = READ_TIMEOUT_SECONDS,
    retry: RetryPolicy | None = None,
) -> Iterator[bytes]:
    """The bytes of a URL (http, https, file) or a local path, checked against what was announced when they end.

    Raises:
        ClientError: The URL could not be fetched.
        StorageError: The bytes are not the announced ones, or the file cannot be read.
    """
    chunks = _open_source(source, client, timeout, retry or RetryPolicy())
    yield from check_chunks(
        chunks, _source_name(source), expected_sha256=expected_sha256, expected_size=expected_size
    )  # fmt: skip


def check_chunks(
    chunks: Iterable[bytes], name: str, *, expected_sha256: str | None = None, expected_size: int | None = None
) -> Iterator[bytes]:
    """The chunks as they are, checked against what was announced when they end.

    Raises:
        StorageError: They are not the announced bytes.
    """
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        yield chunk
    if expected_size is not None and size != expected_size:
        raise StorageError(f"{name} has {size} bytes where {expected_size} were announced. Fetch it again.")
    if expected_sha256 is not None and digest.hexdigest() != expected_sha256.lower():
        raise StorageError(f"{name} has another SHA-256 than announced: it is torn or was replaced. Fetch it again.")


def files_url_to_path_from_objs(
    objs: Any,
    files_fields: list[str],
    *,
    is_list: bool = False,
    folder: str | Path | None = None,
    client: httpx2.Client | None = None,
) -> None:
    """Replace file URLs in decoded answers by paths of downloaded files, in place.

    Args:
        objs: One object, or a list of objects.
        is_list: Which of the two `objs` is.
        files_fields: Names of fields that hold a URL, or a dict of files by specification with a `url` each.
        folder: Where the files go; a new temporary folder when None, which the caller then owns.
        client: Sends the requests; one without credentials when None.

    Raises:
        ClientError: A file could not be fetched.
        StorageError: A file could not be written.
    """
    directory = Path(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="synapse-files-"))
    for item in objs if is_list else [objs]:
        for name in files_fields:
            value = item.get(name)
            if isinstance(value, str):
                item[name] = _download_into(directory, value, client)
            elif isinstance(value, dict):
                item[name] = {spec: _download_into(directory, file["url"], client) for spec, file in value.items()}


def _download_into(directory: Path, url: str, client: httpx2.Client | None) -> Path:
    suffix = Path(urlsplit(url).path).suffix[:16]
    # Named by its address, so that no name from data becomes a path and equal addresses are fetched once.
    target = directory / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}{suffix}"
    return target if target.exists() else download_file(url, target, client=client)


def _open_source(
    source: str | Path, client: httpx2.Client | None, timeout: float, retry: RetryPolicy
) -> Iterator[bytes]:
    scheme = urlsplit(source).scheme if isinstance(source, str) else ""
    if scheme in {"http", "https"}:
        with _client_for(str(source), client) as http:
            yield from _Download(http, str(source), timeout, retry).chunks()
    elif scheme == "file":
        yield from _read_local(Path(unquote(urlsplit(str(source)).path)))
    elif "://" in str(source):
        raise ConfigurationError(f"{sanitize_error_message(str(source))}: only http, https and file can be fetched.")
    else:
        yield from _read_local(Path(source))


def _read_local(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as exc:
        raise StorageError(f"{path.name} could not be read: {exc.strerror or exc}.") from exc


@contextmanager
def _client_for(url: str, client: httpx2.Client | None) -> Iterator[httpx2.Client]:
    if client is not None:
        yield client
        return
    with httpx2.Client(follow_redirects=True, trust_env=not is_loopback(url)) as own:
        yield own


def _source_name(source: str | Path) -> str:
    return sanitize_error_message(source) if isinstance(source, str) and "://" in source else Path(source).name


class _Download:
    """One URL being fetched: what has arrived, and whether the rest still belongs to it.

    Attributes:
        wait_seconds: After a request, the wait before the next one; None when there is nothing left to ask for.
    """

    def __init__(self, http: httpx2.Client, url: str, timeout: float, retry: RetryPolicy) -> None:
        self._http = http
        self._url = url
        self._label = f"GET {urlsplit(url).hostname}{sanitize_error_message(urlsplit(url).path)}"
        self._timeout = httpx2.Timeout(timeout, connect=CONNECT_TIMEOUT_SECONDS, pool=None)
        self._retry = retry
        self._attempt = 0
        self._received = 0
        self._etag: str | None = None
        self._is_plain = True
        self.wait_seconds: float | None = 0.0

    def chunks(self) -> Iterator[bytes]:
        """The body's bytes, each once, over as many connections as it takes."""
        while self.wait_seconds is not None:
            time.sleep(self.wait_seconds)
            yield from self.request()

    def request(self) -> Iterator[bytes]:
        """What one request brings of the bytes that are missing."""
        before = self._received
        try:
            with self._http.stream("GET", self._url, headers=self._headers(), timeout=self._timeout) as response:
                self.wait_seconds = self._retry.wait_after_status(
                    self._attempt, response.status_code, response.headers.get("retry-after")
                )
                if self.wait_seconds is None:
                    yield from self._accept(response)
        except httpx2.RequestError as exc:
            # A connection that brought something is not the same failure again.
            self._attempt = 0 if self._received > before else self._attempt
            self.wait_seconds = self._retry.wait_after_error(self._attempt, exc, repeatable=True)
            if self.wait_seconds is None:
                raise transport_error(exc, self._label) from exc
        self._attempt += 1

    def _headers(self) -> Mapping[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self._received and self._is_plain:
            headers["Range"] = f"bytes={self._received}-"
            if self._etag and not self._etag.startswith("W/"):
                headers["If-Range"] = self._etag
        return headers

    def _accept(self, response: httpx2.Response) -> Iterator[bytes]:
        content_range = response.headers.get("content-range", "")
        if response.status_code == 416 and content_range == f"bytes */{self._received}":
            return  # The connection broke after the last byte.
        self._check(response, content_range)
        self._etag = response.headers.get("etag")
        # Offsets of a compressed body are not those of the bytes that were counted: it is not taken up by range.
        self._is_plain = response.headers.get("content-encoding", "identity") == "identity"
        # A server without ranges sends everything again: what has been seen is passed over.
        skip = self._received if response.status_code != 206 else 0
        # Without a chunk size: a buffer would swallow what arrived before the connection broke.
        for chunk in response.iter_bytes():
            fresh = chunk[skip:]
            skip = max(0, skip - len(chunk))
            if fresh:
                self._received += len(fresh)
                yield fresh

    def _check(self, response: httpx2.Response, content_range: str) -> None:
        status = response.status_code
        if response.is_error:
            response.read()
            raise_for_status(status, f"{self._label}: {sanitize_error_message(response.text[:500])}")
        if status not in {200, 206}:
            raise ClientError(status, f"{self._label} was not answered with content. Check the address.")
        is_other_range = status == 206 and not content_range.startswith(f"bytes {self._received}-")
        if is_other_range or (self._received and response.headers.get("etag") != self._etag):
            raise StorageError(f"{self._label}: the content changed while it was fetched. Fetch it again.")
