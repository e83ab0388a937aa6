"""Envelopes of v2 answers: one resource, or one page of a list."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel

from synapse_sdk.wire.errors import ResponseMeta

T = TypeVar("T")


class Pagination(BaseModel):
    """Opaque cursors of the neighbouring pages; None at either end."""

    next_cursor: str | None = None
    previous_cursor: str | None = None
    per_page: int


class PageMeta(ResponseMeta):
    """Facts about one page of a list."""

    pagination: Pagination


class Envelope(BaseModel, Generic[T]):
    """One resource."""

    data: T
    meta: ResponseMeta


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    data: list[T]
    meta: PageMeta


class NumberedPage(BaseModel, Generic[T]):
    """One page of a v1 list; `next` and `previous` are absolute URLs."""

    count: int
    next: str | None = None
    previous: str | None = None
    results: list[T]
