"""Fetching original files: checked against what was recorded, with one fresh link when the first has expired.

Files behind links are fetched a few items ahead, side by side: one after the other, an export would mostly wait.
"""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from synapse_sdk.exceptions import AuthorizationError, StorageError, SynapseError
from synapse_sdk.plugins.actions.export.delegation import ExportSettings
from synapse_sdk.plugins.actions.export.output.files import is_local, write_whole
from synapse_sdk.plugins.actions.export.sources.bulk import retry_policy
from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.utils.file.download import iter_download

# The same words whichever way the data came, so that both ways give the same error list; the log has the details.
ORIGINAL_FAILED = "the original file could not be fetched, or is not the one that was recorded"
ORIGINAL_ABSENT = "the item has no original file"

R = TypeVar("R")
File = Mapping[str, Any]
RefreshFile = Callable[[Any, File], File | None]
LocateFile = Callable[[R], tuple[Any, File]]
_CHUNK_BYTES = 2**20


class OriginalFiles:
    """Fetches original files with the settings of one export.

    Args:
        ctx: The run's context; its client's connection is used without its credentials.
        settings: How patiently to fetch, and how many files at once.
        refresh: Given an item's id and its file, answers the file under a fresh link, or None.
    """

    def __init__(
        self, ctx: RuntimeContext, settings: ExportSettings | None = None, refresh: RefreshFile | None = None
    ) -> None:
        self._client = ctx.v2_client or ctx.client
        self._settings = settings or ExportSettings()
        self._refresh = refresh
        self._ahead = _Ahead()

    def save(self, item_id: Any, file: File, target: Any) -> None:
        """Write the file to `target`; on failure nothing is there.

        Raises:
            ClientError: It could not be fetched.
            StorageError: Its bytes are not those that were recorded, or there is no link to it.
            OSError: The target cannot be written.
        """
        try:
            fetched = self._ahead.take(item_id, file)
            if fetched is None:
                write_whole(target, self._chunks(file))
            else:
                _move(fetched, target)
        except AuthorizationError:
            fresh = self._refresh(item_id, file) if self._refresh is not None else None
            if fresh is None:
                raise
            write_whole(target, self._chunks(fresh))

    def ahead(self, results: Iterable[R], locate: LocateFile[R], folder: Any) -> Generator[R, None, None]:
        """The results, each when the files of a few that follow are on their way. Close it when leaving early.

        Args:
            results: What is saved next.
            locate: An item's id and its file.
            folder: Where the export is written; files wait beside it until they are saved.
        """
        lead = self._settings.download_parallelism
        window: deque[R] = deque()
        with self._ahead.open(lead, folder if is_local(folder) else None, self._chunks):
            for result in results:
                window.append(result)
                self._ahead.start(*locate(result))
                if len(window) > lead:
                    yield from self._hand_out(window, locate)
            while window:
                yield from self._hand_out(window, locate)

    def _hand_out(self, window: deque[R], locate: LocateFile[R]) -> Iterator[R]:
        result = window.popleft()
        yield result
        # Whoever saved it has taken its file; a file that nobody wanted is not kept.
        self._ahead.drop(*locate(result))

    def _chunks(self, file: File) -> Iterator[bytes]:
        url = file.get("url")
        if not url:
            raise StorageError("There is no link to the original file.")
        return iter_download(
            url,
            client=self._http,
            expected_sha256=file.get("sha256"),
            expected_size=file.get("size_bytes"),
            timeout=self._settings.read_timeout_seconds,
            retry=retry_policy(self._settings),
        )

    @property
    def _http(self) -> httpx2.Client | None:
        return getattr(self._client, "anonymous", None)


class _Ahead:
    """Files that are being fetched before they are asked for."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[Any, str], Future[Path]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._is_over = threading.Event()
        self._number = 0

    @contextmanager
    def open(self, lead: int, folder: Path | None, chunks: Callable[[File], Iterator[bytes]]) -> Iterator[None]:
        self._is_over.clear()
        self._chunks = chunks
        with tempfile.TemporaryDirectory(prefix=".originals-", dir=folder) as name:
            self._folder = Path(name)
            self._pool = ThreadPoolExecutor(lead, "export-original")
            try:
                yield
            finally:
                # Nothing may write into the folder while, or after, it is removed.
                self._is_over.set()
                self._pool.shutdown(cancel_futures=True)
                self._pool = None
                self._jobs.clear()

    def start(self, item_id: Any, file: File) -> None:
        url = str(file.get("url") or "")
        if self._pool is not None and url.startswith(("http://", "https://")):
            self._number += 1
            target = self._folder / str(self._number)
            self._jobs[item_id, url] = self._pool.submit(self._fetch, dict(file), target)

    def take(self, item_id: Any, file: File) -> Path | None:
        """The fetched file, waited for; None when it was not fetched ahead. Raises what fetching it raised."""
        job = self._jobs.pop((item_id, str(file.get("url") or "")), None)
        return job.result() if job is not None else None

    def drop(self, item_id: Any, file: File) -> None:
        with suppress(SynapseError, OSError, CancelledError):
            fetched = self.take(item_id, file)
            if fetched is not None:
                fetched.unlink(missing_ok=True)

    def _fetch(self, file: File, target: Path) -> Path:
        write_whole(target, self._until_over(self._chunks(file)))
        return target

    def _until_over(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._is_over.is_set():
                raise StorageError("The export ended before the file was fetched.")
            yield chunk


def _move(fetched: Path, target: Any) -> None:
    if is_local(target):
        fetched.replace(target)
        return
    write_whole(target, _read_chunks(fetched))
    fetched.unlink()


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
