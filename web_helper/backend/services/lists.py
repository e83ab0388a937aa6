"""Lists: one page of what a caller may see, by cursor (v2) or by number (v1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from web_helper.backend.core.problems import NotFoundProblem, ValidationProblem
from web_helper.backend.models.base import UtcDateTime
from web_helper.backend.queries import lists
from web_helper.backend.queries.filters import Listing, Selection, select_where
from web_helper.backend.services.call import Call

MAX_CURSOR_LENGTH = 500


@dataclass(frozen=True)
class CursorRequest:
    """Which page of a v2 list: where it starts, how it is sorted, how long it is."""

    filters: Mapping[str, Any] = field(default_factory=dict)
    per_page: int = 50
    cursor: str | None = None
    is_descending: bool = True


@dataclass(frozen=True)
class NumberRequest:
    """Which page of a v1 list."""

    filters: Mapping[str, Any] = field(default_factory=dict)
    page: int = 1
    page_size: int = 100
    is_descending: bool = True

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * self.page_size


@dataclass(frozen=True)
class CursorPage:
    """Rows, and opaque cursors of the neighbouring pages."""

    rows: list[Any]
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True)
class CountedPage:
    """Rows of one page, and how many there are on all pages."""

    rows: list[Any]
    count: int


@dataclass(frozen=True)
class _Cursor:
    position: list[Any]
    is_backward: bool
    is_descending: bool


def select_visible(call: Call, listing: Listing, filters: Mapping[str, Any]) -> Selection:
    """What the caller may see of a list."""
    return select_where(listing, filters, viewer_id=call.actor.viewer_id)


def read_row(call: Call, listing: Listing, key: Any) -> Any:
    """One row that the caller may see.

    Raises:
        NotFoundProblem: There is none, or it belongs to a project of others.
    """
    if isinstance(key, int) and abs(key) >= 2**63:
        raise NotFoundProblem.of(listing.noun.rstrip("s"), key)
    row = lists.visible_row(call.session, select_visible(call, listing, {}), key)
    if row is None:
        raise NotFoundProblem.of(listing.noun.rstrip("s"), key)
    return row


def read_cursor_page(call: Call, listing: Listing, request: CursorRequest) -> CursorPage:
    """One page by cursor: the same cost for every page."""
    selection = select_visible(call, listing, request.filters)
    cursor = _decode(request, listing) if request.cursor else None
    is_backward = cursor is not None and cursor.is_backward
    rows = lists.keyset_rows(
        call.session,
        selection,
        cursor.position if cursor else None,
        descending=request.is_descending != is_backward,
        limit=request.per_page + 1,
    )
    has_more = len(rows) > request.per_page
    rows = rows[: request.per_page]
    if is_backward:
        rows.reverse()
    has_next, has_previous = (True, has_more) if is_backward else (has_more, cursor is not None)
    return CursorPage(
        rows,
        _encode(rows[-1], listing, request, is_backward=False) if rows and has_next else None,
        _encode(rows[0], listing, request, is_backward=True) if rows and has_previous else None,
    )


def read_counted_page(call: Call, listing: Listing, request: NumberRequest) -> CountedPage:
    """One page by number, with the count of all rows."""
    selection = select_visible(call, listing, request.filters)
    rows, count = lists.numbered_rows(
        call.session,
        selection,
        descending=request.is_descending,
        offset=request.offset,
        limit=request.page_size,
    )
    return CountedPage(rows, count)


def cursor_after(position: Sequence[Any], *, is_descending: bool, is_backward: bool = False) -> str:
    """The cursor of the page that begins after a position of the walked key."""
    text = msgspec.json.encode([position, is_backward, is_descending])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _encode(row: Any, listing: Listing, request: CursorRequest, *, is_backward: bool) -> str:
    position = [getattr(row, key.key) for key in listing.keys]
    return cursor_after(position, is_descending=request.is_descending, is_backward=is_backward)


def _decode(request: CursorRequest, listing: Listing) -> _Cursor:
    text = request.cursor or ""
    problem = ValidationProblem.of_field("cursor", "is not a cursor of this list; start again without one.")
    if len(text) > MAX_CURSOR_LENGTH:
        raise problem
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        types = tuple(datetime if isinstance(key.type, UtcDateTime) else key.type.python_type for key in listing.keys)
        position, is_backward, is_descending = msgspec.json.decode(
            decoded,
            type=tuple[tuple[types], bool, bool],  # type: ignore[valid-type]
        )
    except (binascii.Error, ValueError, msgspec.MsgspecError) as exc:
        raise problem from exc
    if is_descending != request.is_descending:
        raise ValidationProblem.of_field("cursor", "belongs to the other sort order; start again without one.")
    return _Cursor(list(position), is_backward, is_descending)
