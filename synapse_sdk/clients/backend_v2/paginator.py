"""Lists of the v2 API, page by page along an opaque cursor."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from synapse_sdk.clients.base import BaseClient, Call
from synapse_sdk.clients.pages import ListPage, parse_page
from synapse_sdk.exceptions import ClientError
from synapse_sdk.utils.retry import RetryPolicy

T = TypeVar("T")

# Some 10,000 characters of ids, within what servers accept as a URL.
MAX_IDS_PER_REQUEST = 1000


@dataclass(frozen=True)
class PageOptions:
    """How patiently pages are fetched.

    Attributes:
        page_retries: Repetitions of one page; None is the client's own policy.
        page_retry_backoff: Seconds before the first repetition, doubling.
        throttle_seconds: Pause between pages, so that a long export leaves the server room for people.
        retry_on_status: Statuses that count as passing trouble, in place of 502, 503 and 504.
        read_timeout_seconds: Longest silence of the server within one answer; None is a minute, or the client's.
    """

    page_retries: int | None = None
    page_retry_backoff: float | None = None
    throttle_seconds: float = 0.0
    retry_on_status: Collection[int] | None = None
    read_timeout_seconds: float | None = None

    def policy(self, base: RetryPolicy) -> RetryPolicy:
        """The client's retry policy with these options in place."""
        return base.with_options(self.page_retries, self.page_retry_backoff, self.retry_on_status)


class SyncCursorPaginator(Generic[T]):
    """All items of a list, fetched page by page while they are iterated. Each iteration starts anew.

    Raises:
        ClientError: While iterating: a page could not be fetched, and its repetitions are used up.
    """

    def __init__(
        self,
        client: BaseClient,
        path: str,
        params: Mapping[str, Any],
        *,
        parse: Callable[[dict[str, Any]], T],
        options: PageOptions,
    ) -> None:
        self._client = client
        self._path = path
        self._params = dict(params)
        self._parse = parse
        self._options = options

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page

    def pages(self) -> Iterator[list[T]]:
        """The items, page by page."""
        for params in _split_ids(self._params):
            yield from self._pages_of(params)

    def first(self) -> T | None:
        """The first item, or None when the list is empty."""
        return next(iter(self), None)

    def _pages_of(self, params: Mapping[str, Any]) -> Iterator[list[T]]:
        page = self._fetch(self._path, params)
        seen: set[str] = set()
        while True:
            yield [self._parse(item) for item in page.items]
            following = page.next_cursor or page.next_url
            if following is None:
                return
            if following in seen:
                raise ClientError(None, f"GET {self._path}: the server's pages go round in a circle.")
            seen.add(following)
            if self._options.throttle_seconds:
                time.sleep(self._options.throttle_seconds)
            if page.next_cursor is not None:
                page = self._fetch(self._path, {**params, "cursor": page.next_cursor})
            else:
                page = self._fetch(following, None)

    def _fetch(self, url: str, params: Mapping[str, Any] | None) -> ListPage:
        call = Call(
            "GET",
            url,
            params=params,
            is_long=True,
            read_timeout_seconds=self._options.read_timeout_seconds,
            retry=self._options.policy(self._client.retry),
        )
        return parse_page(self._client.send_json(call), call.label)


def _split_ids(params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The same list in several requests when its ids do not fit into one URL; the order stays the list's own."""
    ids = params.get("ids")
    if not isinstance(ids, (list, tuple, set, frozenset)) or len(ids) <= MAX_IDS_PER_REQUEST:
        yield params
        return
    is_ascending = params.get("sort") is not None and not str(params["sort"]).startswith("-")
    ordered = sorted(set(ids), reverse=not is_ascending)
    for start in range(0, len(ordered), MAX_IDS_PER_REQUEST):
        yield {**params, "ids": ordered[start : start + MAX_IDS_PER_REQUEST]}
