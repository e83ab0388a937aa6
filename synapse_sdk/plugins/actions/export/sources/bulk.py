"""The two phases of fetching by REST: collect ids from a slim list, then rows in bulk, ascending by id.

The list descends along its unique key, so no page costs more than the first; the ids stay in a packed array, eight
bytes each, and are walked backwards.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from synapse_sdk.exceptions import AuthorizationError, NotFoundError
from synapse_sdk.plugins.actions.export.delegation import ExportSettings
from synapse_sdk.utils.file.download import download_json
from synapse_sdk.utils.retry import RetryPolicy

# 500 is added to the usual three: a slow query can lose its database connection, and the next attempt succeeds.
EXPORT_LIST_RETRY_ON_STATUS = frozenset({500, 502, 503, 504})
REPORT_EVERY_IDS = 2000

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


class BulkRows:
    """Rows by id, chunk by chunk, each with its payload resolved; one pass.

    Args:
        fetch: Asks the server for the rows of up to 200 ids.
        settings: Chunk size, pause and parallelism.
        throttle_seconds: Pause between two chunks.
        http: Client for payload links, which carries no credentials.
    """

    def __init__(
        self, fetch: FetchRows, settings: ExportSettings, throttle_seconds: float, *, http: httpx2.Client | None = None
    ) -> None:
        self._fetch = fetch
        self._settings = settings
        self._throttle_seconds = throttle_seconds
        self._http = http
        self.missing_count = 0

    def rows(self, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
        """The rows that still exist, ascending by id; `missing_count` counts the others."""
        size = self._settings.bulk_chunk_size
        resume_at = 0.0
        with ThreadPoolExecutor(self._settings.download_parallelism, "export-payload") as pool:
            for start in range(0, len(ids), size):
                time.sleep(max(0.0, resume_at - time.monotonic()))
                chunk = ids[start : start + size]
                rows = self._complete_rows(chunk, pool)
                self.missing_count += len(chunk) - len(rows)
                resume_at = time.monotonic() + self._throttle_seconds
                yield from rows

    def _complete_rows(self, chunk: Sequence[int], pool: ThreadPoolExecutor) -> list[dict[str, Any]]:
        rows = sorted(self._fetch(chunk), key=lambda row: int(row["id"]))
        expired = self._resolve(rows, pool)
        if not expired:
            return rows
        # The links grew old while they waited: asked for again, once.
        fresh = {row["id"]: row for row in self._fetch(expired)}
        again = [fresh[row_id] for row_id in expired if row_id in fresh]
        if still_refused := self._resolve(again, pool):
            raise AuthorizationError(
                403,
                f"The annotation data of {len(still_refused)} items (first: {still_refused[0]}) was refused under a "
                "fresh link. Check the storage's clock and rights.",
            )
        return [fresh.get(row["id"], row) for row in rows if row["id"] not in expired or row["id"] in fresh]

    def _resolve(self, rows: Sequence[dict[str, Any]], pool: ThreadPoolExecutor) -> list[int]:
        """Put data in place of wrappers; answer the ids whose link was refused."""
        jobs = [(row, pool.submit(self._payload, row.get("data"))) for row in rows if is_wrapper(row.get("data"))]
        refused: list[int] = []
        for row, job in jobs:
            try:
                row["data"] = job.result()
            except (AuthorizationError, NotFoundError):
                refused.append(int(row["id"]))
        return refused

    def _payload(self, data: Any) -> Any:
        return resolve_data_payload(data, self._settings, http=self._http)


def is_wrapper(data: Any) -> bool:
    """Whether this stands for annotation data that is elsewhere. Data that merely has a `mode` of its own is none."""
    if not isinstance(data, Mapping):
        return False
    mode = data.get("mode")
    return (mode == "presigned" and isinstance(data.get("presigned_url"), str)) or (
        mode == "inline" and data.keys() == {"mode", "data"}
    )


def resolve_data_payload(data: Any, settings: ExportSettings, *, http: httpx2.Client | None = None) -> Any:
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
        client=http,
        timeout=settings.read_timeout_seconds,
        expected_sha256=data.get("sha256"),
        retry=retry_policy(settings),
    )
