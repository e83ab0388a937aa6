"""Reading the server's raw bundle: manifest first, then rows, each part checked against what the manifest says.

A part that comes over HTTP is fetched to a temporary file and verified before its first row is used; a part on this
machine's disk is verified while it is read. Paths inside a bundle come from data: none may leave it.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol
from urllib.parse import quote

import httpx2
import msgspec
from pydantic import ValidationError

from synapse_sdk.exceptions import AuthorizationError, BundleError, ClientError, StorageError
from synapse_sdk.utils.file.download import download_file, iter_download
from synapse_sdk.utils.retry import RetryPolicy
from synapse_sdk.wire.bundle import (
    BUNDLE_SCHEMA_VERSION,
    DELTA_SCHEMA_VERSION,
    MANIFEST_NAME,
    BundleManifest,
    BundlePart,
    ExportTarget,
)

# A manifest names parts of 50,000 rows; this is room for many millions of rows, and an end to a hostile answer.
MAX_MANIFEST_BYTES = 16 * 2**20

_BLOCK_BYTES = 128 << 10

# The server's own paths, told by one look: taking each apart would cost a tenth of an export to COCO.
_PLAIN_PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*")

_decode_row = msgspec.json.Decoder(dict[str, Any]).decode


def safe_bundle_path(path: str) -> str:
    """A path inside a bundle, checked.

    Raises:
        BundleError: It is absolute, leads out of the bundle, or is no plain path.
    """
    if _PLAIN_PATH.fullmatch(path):
        return path
    parts = PurePosixPath(path).parts
    is_plain = bool(parts) and str(PurePosixPath(path)) == path and not any(c in path for c in "\\\0:")
    if not is_plain or path.startswith(("/", "~")) or ".." in parts:
        raise BundleError(f"The bundle names a file outside itself: {path!r}. It is not used; export again.")
    return path


def map_files_to_bundle_local(row: Mapping[str, Any], prefix: str | Path) -> dict[str, Any]:
    """The row with each file's `url` pointing into the bundle at `prefix`; names and all else stay.

    Args:
        row: One line of a bundle. A file that the bundle only refers to (`bundle_path` None) keeps its `url`.
        prefix: Folder of the bundle, or the URL that it is served under.

    Raises:
        BundleError: A `bundle_path` leads out of the bundle.
    """
    base = str(prefix).rstrip("/")
    is_url = "://" in base
    mapped = {}
    for specification, entry in (row.get("files_manifest") or {}).items():
        inner = entry.get("bundle_path")
        if inner is not None:
            safe = safe_bundle_path(inner)
            entry = {**entry, "url": f"{base}/{quote(safe) if is_url else safe}"}  # noqa: PLW2901 - the same entry, moved.
        mapped[specification] = entry
    return {**row, "files_manifest": mapped}


class BundleSource(Protocol):
    """Where a bundle's files are."""

    @property
    def prefix(self) -> str:
        """Folder, or URL, that the bundle's paths are relative to."""

    def read_manifest(self) -> bytes:
        """The bytes of `manifest.json`."""

    def open_part(self, part: BundlePart) -> Any:
        """A context manager that gives the part's lines, many at a time; verified when they have all been read."""


@dataclass(frozen=True)
class LocalBundle:
    """A bundle in a folder of this machine."""

    folder: Path

    @property
    def prefix(self) -> str:
        return str(self.folder)

    def read_manifest(self) -> bytes:
        """The bytes of `manifest.json`.

        Raises:
            BundleError: There is none: the bundle is not complete.
        """
        try:
            with (self.folder / MANIFEST_NAME).open("rb") as file:
                return file.read(MAX_MANIFEST_BYTES + 1)
        except OSError as exc:
            raise BundleError(f"The bundle has no readable {MANIFEST_NAME} ({exc.strerror}). Export again.") from exc

    @contextmanager
    def open_part(self, part: BundlePart) -> Iterator[Iterator[bytes]]:
        try:
            with (self.folder / part.path).open("rb") as file:
                yield iter_verified(line_blocks(file), part)
        except OSError as exc:
            raise BundleError(f"Part {part.path} of the bundle cannot be read ({exc.strerror}). Export again.") from exc


class HttpBundle:
    """A bundle behind a signed URL prefix, which is renewed once when it is refused.

    Args:
        base_url: What the bundle's paths are appended to.
        http: Client for it, which carries no credentials.
        renew: Answers a fresh `base_url`.
        timeout_seconds: Longest silence within one download.
        retry: When a download is repeated.
    """

    def __init__(
        self,
        base_url: str,
        http: httpx2.Client | None = None,
        renew: Callable[[], str] | None = None,
        *,
        timeout_seconds: float = 60.0,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._prefixes = [base_url.rstrip("/")]
        self._http = http
        self._renew = renew
        self._timeout_seconds = timeout_seconds
        self._retry = retry

    @property
    def prefix(self) -> str:
        return self._prefixes[-1]

    def renew_url(self, url: str) -> str | None:
        """The URL of the same file under a fresh prefix; None when it is not the bundle's, or cannot be renewed."""
        known = next((prefix for prefix in self._prefixes if url.startswith(f"{prefix}/")), None)
        if known is None or self._renew is None:
            return None
        if known == self.prefix:
            self._prefixes.append(self._renew().rstrip("/"))
        return self.prefix + url.removeprefix(known)

    def read_manifest(self) -> bytes:
        """The bytes of `manifest.json`.

        Raises:
            BundleError: There is none, or it cannot be fetched.
        """
        url = f"{self.prefix}/{MANIFEST_NAME}"
        try:
            chunks = iter_download(url, client=self._http, timeout=self._timeout_seconds, retry=self._retry)
            return _join_bounded(chunks, MAX_MANIFEST_BYTES)
        except (ClientError, StorageError) as exc:
            raise BundleError(f"{MANIFEST_NAME} of the bundle could not be fetched: {exc}") from exc

    @contextmanager
    def open_part(self, part: BundlePart) -> Iterator[Iterator[bytes]]:
        with tempfile.TemporaryDirectory(prefix="synapse-bundle-") as folder:
            target = Path(folder) / "part.jsonl"
            url = f"{self.prefix}/{quote(part.path)}"
            try:
                try:
                    self._download(url, target, part)
                except AuthorizationError:
                    fresh = self.renew_url(url)
                    if fresh is None:
                        raise
                    self._download(fresh, target, part)
            except (ClientError, StorageError) as exc:
                raise BundleError(f"Part {part.path} of the bundle could not be fetched: {exc}") from exc
            with target.open("rb") as file:
                yield line_blocks(file)

    def _download(self, url: str, target: Path, part: BundlePart) -> None:
        download_file(
            url,
            target,
            client=self._http,
            expected_sha256=part.sha256,
            expected_size=part.size_bytes,
            timeout=self._timeout_seconds,
            retry=self._retry,
        )


def load_manifest(
    source: BundleSource, target: ExportTarget, announced: BundleManifest | None = None, *, since: str | None = None
) -> BundleManifest:
    """The manifest of a bundle, checked against itself, what the server announced, and the delta that was asked for.

    Raises:
        BundleError: It is missing, not readable, or does not match.
    """
    raw = source.read_manifest()
    try:
        manifest = BundleManifest.model_validate_json(raw[:MAX_MANIFEST_BYTES])
    except ValidationError as exc:
        raise BundleError(f"{MANIFEST_NAME} of the bundle is not a manifest ({exc.error_count()} errors).") from exc
    expected = BUNDLE_SCHEMA_VERSION if since is None else DELTA_SCHEMA_VERSION
    if manifest.schema_version != expected or manifest.since != since:
        raise BundleError(
            f"The bundle has schema version {manifest.schema_version} and tells of changes since {manifest.since}; "
            f"version {expected} and {since} were asked for. Upgrade whichever of server and SDK is older."
        )
    if manifest.target != target:
        raise BundleError(f"The bundle holds {manifest.target} rows where {target} was asked for.")
    if announced is not None and announced != manifest:
        raise BundleError("The bundle's manifest is not the one that the server announced. Export again.")
    if sum(part.rows for part in manifest.parts) != manifest.row_count:
        raise BundleError("The rows of the bundle's parts do not add up to its row count. Export again.")
    for part in manifest.parts:
        safe_bundle_path(part.path)
    return manifest


def iter_bundle_rows(source: BundleSource, manifest: BundleManifest) -> Iterator[dict[str, Any]]:
    """All rows, ascending by id, part after part; one row in memory.

    Raises:
        BundleError: A part is torn, has another number of rows than announced, or its ids do not ascend.
    """
    last_id = 0
    for part in manifest.parts:
        with source.open_part(part) as blocks:
            lines = (line for block in blocks for line in block.splitlines(keepends=True))
            for row in _rows_of_part(lines, part):
                if row["id"] <= last_id:
                    raise BundleError(
                        f"The ids in {part.path} of the bundle do not ascend at {row['id']}. Export again."
                    )
                last_id = row["id"]
                yield row


def line_blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Whole lines, many at a time; few enough that what is made of them stays in the processor's cache."""
    while block := file.read(_BLOCK_BYTES) + file.readline():
        yield block


def iter_verified(blocks: Iterable[bytes], part: BundlePart) -> Iterator[bytes]:
    """The blocks; at their end their size and SHA-256 must be the announced ones.

    Raises:
        BundleError: They are not.
    """
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        digest.update(block)
        size += len(block)
        yield block
    if size != part.size_bytes or digest.hexdigest() != part.sha256:
        raise BundleError(f"Part {part.path} of the bundle is torn: size or SHA-256 is not the announced one.")


def _rows_of_part(lines: Iterator[bytes], part: BundlePart) -> Iterator[dict[str, Any]]:
    count = 0
    for line in lines:
        count += 1
        if count > part.rows:
            break
        yield _decode_line(line, f"Line {count} of {part.path} in the bundle")
    if count != part.rows:
        raise BundleError(f"Part {part.path} of the bundle does not have its {part.rows} rows. Export again.")


def _decode_line(line: bytes, where: str) -> dict[str, Any]:
    if not line.endswith(b"\n"):
        raise BundleError(f"{where} breaks off. Export again.")
    try:
        row = _decode_row(line)
    except msgspec.DecodeError as exc:
        raise BundleError(f"{where} is not a row ({exc}). Export again.") from exc
    if not isinstance(row.get("id"), int):
        raise BundleError(f"{where} has no id. Export again.")
    return row


def _join_bounded(chunks: Iterable[bytes], limit: int) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise BundleError(f"{MANIFEST_NAME} of the bundle is larger than {limit} bytes; it is not read.")
    return body
