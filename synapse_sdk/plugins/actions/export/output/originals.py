"""Fetching original files: checked against what was recorded, with one fresh link when the first has expired."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx2

from synapse_sdk.exceptions import AuthorizationError, StorageError
from synapse_sdk.plugins.actions.export.delegation import ExportSettings
from synapse_sdk.plugins.actions.export.output.files import write_whole
from synapse_sdk.plugins.actions.export.sources.bulk import retry_policy
from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.utils.file.download import iter_download

# The same words whichever way the data came, so that both ways give the same error list; the log has the details.
ORIGINAL_FAILED = "the original file could not be fetched, or is not the one that was recorded"
ORIGINAL_ABSENT = "the item has no original file"

RefreshFile = Callable[[Any, Mapping[str, Any]], Mapping[str, Any] | None]


class OriginalFiles:
    """Fetches original files with the settings of one export.

    Args:
        ctx: The run's context; its client's connection is used without its credentials.
        settings: How patiently to fetch.
        refresh: Given an item's id and its file, answers the file under a fresh link, or None.
    """

    def __init__(
        self, ctx: RuntimeContext, settings: ExportSettings | None = None, refresh: RefreshFile | None = None
    ) -> None:
        self._client = ctx.v2_client or ctx.client
        self._settings = settings or ExportSettings()
        self._refresh = refresh

    def save(self, item_id: Any, file: Mapping[str, Any], target: Any) -> None:
        """Write the file to `target`; on failure nothing is there.

        Raises:
            ClientError: It could not be fetched.
            StorageError: Its bytes are not those that were recorded, or there is no link to it.
            OSError: The target cannot be written.
        """
        try:
            write_whole(target, self._chunks(file))
        except AuthorizationError:
            fresh = self._refresh(item_id, file) if self._refresh is not None else None
            if fresh is None:
                raise
            write_whole(target, self._chunks(fresh))

    def _chunks(self, file: Mapping[str, Any]) -> Iterator[bytes]:
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
