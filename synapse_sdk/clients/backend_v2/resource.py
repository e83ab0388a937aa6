"""What every v2 resource can do: list, retrieve, create, update, delete."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Sequence
from typing import Any, Generic, TypeVar, cast

from synapse_sdk.clients.backend_v2.paginator import PageOptions, SyncCursorPaginator
from synapse_sdk.clients.base import BaseClient, Call
from synapse_sdk.clients.pages import parse_item
from synapse_sdk.exceptions import ClientError
from synapse_sdk.utils.network import validate_resource_id

T = TypeVar("T")


class Resource(Generic[T]):
    """One resource of the v2 API. Items are plain dicts with known keys (`synapse_sdk.clients.backend_v2.models`)."""

    def __init__(self, client: BaseClient, path: str) -> None:
        self._client = client
        self.path = path

    def list(
        self,
        *,
        per_page: int | None = None,
        sort: str | None = None,
        fields: Sequence[str] | str | None = None,
        page_retries: int | None = None,
        page_retry_backoff: float | None = None,
        throttle_seconds: float = 0.0,
        retry_on_status: Collection[int] | None = None,
        read_timeout_seconds: float | None = None,
        **filters: Any,
    ) -> SyncCursorPaginator[T]:
        """Every item that matches the filters, fetched page by page while it is iterated.

        Args:
            per_page: Items per request, at most 200.
            sort: `-id` (newest first, the default) or `id`.
            fields: Keys to answer with.
            page_retries: Repetitions of one page; None is the client's own policy.
            page_retry_backoff: Seconds before the first repetition, doubling.
            throttle_seconds: Pause between pages.
            retry_on_status: Statuses to repeat on, in place of 502, 503 and 504.
            read_timeout_seconds: Longest silence of the server within one page.
            **filters: The list's filters; None is left out, a sequence is sent as a comma list.
        """
        params = {**filters, "per_page": per_page, "sort": sort, "fields": fields}
        options = PageOptions(page_retries, page_retry_backoff, throttle_seconds, retry_on_status, read_timeout_seconds)
        return SyncCursorPaginator(self._client, self.path, params, parse=self._parse, options=options)

    def retrieve(self, resource_id: int | str, **params: Any) -> T:
        """One item.

        Raises:
            NotFoundError: There is none, or the token may not see it.
            ClientError: The call failed.
        """
        return self._call_for_item(Call("GET", self._item_path(resource_id), params=params))

    def create(self, **values: Any) -> T:
        """Make an item; sent once, whatever happens, unless it never reached the server.

        Raises:
            ClientError: The call failed.
        """
        return self._call_for_item(Call("POST", self.path, json=values))

    def update(self, resource_id: int | str, **changes: Any) -> T:
        """Change the given fields of an item.

        Raises:
            ClientError: The call failed.
        """
        return self._call_for_item(Call("PATCH", self._item_path(resource_id), json=changes))

    def delete(self, resource_id: int | str) -> None:
        """Delete an item.

        Raises:
            ClientError: The call failed.
        """
        self._client.send(Call("DELETE", self._item_path(resource_id)))

    def _item_path(self, resource_id: int | str, action: str = "") -> str:
        return f"{self.path}{validate_resource_id(resource_id)}/{action}"

    def _parse(self, item: dict[str, Any]) -> T:
        return cast("T", item)

    def _call_for_item(self, call: Call) -> T:
        return self._parse(parse_item(self._client.send_json(call), call.label))

    def _call_for_rows(self, call: Call) -> builtins.list[dict[str, Any]]:
        rows: Any = parse_item(self._client.send_json(call), call.label)
        if not isinstance(rows, builtins.list):
            raise ClientError(None, f"{call.label} was not answered with rows. Is the address a Synapse server's?")
        return rows

    def _fetch_rows(
        self, action: str, ids: Sequence[int], response_mode: str, options: PageOptions
    ) -> builtins.list[dict[str, Any]]:
        call = Call(
            "POST",
            f"{self.path}{action}/",
            json={"ids": [int(row_id) for row_id in ids], "response_mode": response_mode},
            is_long=True,
            read_timeout_seconds=options.read_timeout_seconds,
            # A pure read: it is a POST only because 200 ids do not fit into a URL.
            repeatable=True,
            retry=options.policy(self._client.retry),
        )
        return self._call_for_rows(call)
