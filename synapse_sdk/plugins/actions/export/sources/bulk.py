"""The two phases of fetching by REST: collect ids from a slim list, then rows in bulk, ascending by id.

The list descends along its unique key, so no page costs more than the first; the ids stay in a packed array, eight
bytes each, and are walked backwards.
"""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import httpx2

from synapse_sdk.exceptions import AuthorizationError, NotFoundError
from synapse_sdk.plugins.actions.export.delegation import ExportSettings
from synapse_sdk.plugins.actions.export.sources.payloads import PayloadThreads
from synapse_sdk.utils.file.download import JsonDownload, download_json
from synapse_sdk.utils.retry import RetryPolicy

# 500 is added to the usual three: a slow query can lose its database connection, and the next attempt succeeds.
EXPORT_LIST_RETRY_ON_STATUS = frozenset({500, 502, 503, 504})
REPORT_EVERY_IDS = 2000
# Payloads that are held or under way, per connection: rows leave in order, so one that is asked for again after half a
# second of patience must not stop the others: at 50 ms a round trip that takes eleven, and one is left for being asked
# for again. Eight connections hold 96 payloads at most.
AHEAD_PER_SLOT = 12

# What a link that grew too old is answered with.
REFUSED = (AuthorizationError, NotFoundError)

FetchRows = Callable[[Sequence[int]], Sequence[dict[str, Any]]]


def retry_policy(settings: ExportSettings) -> RetryPolicy:
    """How an export repeats its requests."""
    return RetryPolicy(
        retries=settings.page_retries,
        backoff_seconds=settings.page_retry_backoff,
        statuses=EXPORT_LIST_RETRY_ON_STATUS,
    )


def collect_ids(
    found: Iterable[int], excluded: frozenset[int] = frozenset(), report: Callable[[int], None] | None = None
) -> array[int]:
    """Unique ids, ascending.

    Args:
        found: Ids as the list answers them: descending, as asked; another order costs a sort.
        excluded: Ids to leave out.
        report: Told the number of ids from time to time.
    """
    ids = array("q")
    is_descending = True
    for row_id in found:
        if row_id in excluded:
            continue
        if ids and row_id >= ids[-1]:
            # A row that moved to a later page while it was read: the same id again.
            if row_id == ids[-1]:
                continue
            is_descending = False
        ids.append(row_id)
        if report is not None and len(ids) % REPORT_EVERY_IDS == 0:
            report(len(ids))
    if is_descending:
        ids.reverse()
        return ids
    return array("q", sorted(set(ids)))


@dataclass
class _Coming:
    """A row on its way; `payload` is None for one that has its data."""

    row: dict[str, Any]
    payload: Future[Any] | None
    is_second_try: bool = False

    def is_refused(self) -> bool:
        """Whether the link to the data was refused, once that is known."""
        return self.payload is not None and isinstance(self.payload.exception(), REFUSED)


class BulkRows:
    """Rows by id, in order, each with its payload resolved; one pass.

    Payloads are fetched ahead across the borders of chunks, so that neither the next bulk call nor one payload that is
    asked for again leaves connections idle.

    Args:
        fetch: Asks the server for the rows of up to 200 ids.
        settings: Chunk size, pause and parallelism.
        throttle_seconds: Pause between two chunks.
        http: Client for payload links, which carries no credentials.
    """

    def __init__(
        self, fetch: FetchRows, settings: ExportSettings, throttle_seconds: float, *, http: httpx2.Client
    ) -> None:
        self._fetch = fetch
        self._settings = settings
        self._throttle_seconds = throttle_seconds
        self._http = http
        self._retry = retry_policy(settings)
        self.missing_count = 0

    def rows(self, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
        """The rows that still exist, ascending by id; `missing_count` counts the others."""
        window: deque[_Coming] = deque()
        with PayloadThreads(self._settings.download_parallelism) as threads:
            for row in self._listed(ids):
                window.append(self._send_for(row, threads))
                if len(window) >= AHEAD_PER_SLOT * self._settings.download_parallelism:
                    yield from self._take(window, threads)
            while window:
                yield from self._take(window, threads)

    def _listed(self, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
        size = self._settings.bulk_chunk_size
        resume_at = 0.0
        for start in range(0, len(ids), size):
            time.sleep(max(0.0, resume_at - time.monotonic()))
            chunk = ids[start : start + size]
            rows = sorted(self._fetch(chunk), key=lambda row: int(row["id"]))
            self.missing_count += len(chunk) - len(rows)
            resume_at = time.monotonic() + self._throttle_seconds
            yield from rows

    def _send_for(self, row: dict[str, Any], threads: PayloadThreads) -> _Coming:
        data = row.get("data")
        if not is_wrapper(data):
            return _Coming(row, None)
        if data["mode"] == "inline":
            return _Coming({**row, "data": data["data"]}, None)
        download = JsonDownload(
            data["presigned_url"],
            self._http,
            timeout=self._settings.read_timeout_seconds,
            expected_sha256=data.get("sha256"),
            retry=self._retry,
        )
        return _Coming(row, threads.fetch(download))

    def _take(self, window: deque[_Coming], threads: PayloadThreads) -> Iterator[dict[str, Any]]:
        """The first row, when its payload is there; nothing when the row has gone meanwhile."""
        first = window[0]
        if first.is_refused():
            self._renew(window, threads)
            return
        if first.payload is not None:
            first.row["data"] = first.payload.result()
        window.popleft()
        yield first.row

    def _renew(self, window: deque[_Coming], threads: PayloadThreads) -> None:
        """The links grew old while they waited: asked for again, once, and all that did in one call."""
        refused = {int(coming.row["id"]): coming for coming in window if coming.is_refused()}
        if again := [row_id for row_id, coming in refused.items() if coming.is_second_try]:
            raise AuthorizationError(
                403,
                f"The annotation data of {len(again)} items (first: {again[0]}) was refused under a "
                "fresh link. Check the storage's clock and rights.",
            )
        fresh = {int(row["id"]): row for row in self._fetch(list(refused))}
        self.missing_count += len(refused) - len(fresh)
        waiting = list(window)
        window.clear()
        for coming in waiting:
            row_id = int(coming.row["id"])
            if row_id not in refused:
                window.append(coming)
            elif row_id in fresh:
                window.append(replace(self._send_for(fresh[row_id], threads), is_second_try=True))


def is_wrapper(data: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether this stands for annotation data that is elsewhere. Data that merely has a `mode` of its own is none."""
    if not isinstance(data, Mapping):
        return False
    mode = data.get("mode")
    return (mode == "presigned" and isinstance(data.get("presigned_url"), str)) or (
        mode == "inline" and data.keys() == {"mode", "data"}
    )


def resolve_data_payload(data: Any, settings: ExportSettings) -> Any:
    """The annotation data behind a bulk answer's `data`: downloaded, unwrapped, or as it is.

    Raises:
        ClientError: The link could not be followed.
        StorageError: The bytes behind it are not the announced ones.
    """
    if not is_wrapper(data):
        return data
    if data["mode"] == "inline":
        return data["data"]
    return download_json(
        data["presigned_url"],
        timeout=settings.read_timeout_seconds,
        expected_sha256=data.get("sha256"),
        retry=retry_policy(settings),
    )
