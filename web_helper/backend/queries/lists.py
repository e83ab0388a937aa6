"""Pages of a selection: by the unique key (each page costs the same), or by number (for v1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from web_helper.backend.queries.filters import Condition, Selection


def beyond(keys: Sequence[Any], position: Sequence[Any], *, descending: bool) -> Condition:
    """The keys lie after a position in the direction of travel; walks the key's index."""
    condition: Condition
    if len(keys) == 1:
        condition = keys[0] < position[0] if descending else keys[0] > position[0]
        return condition
    here = tuple_(*keys)
    there = tuple_(*(literal(value, key.type) for key, value in zip(keys, position, strict=True)))
    condition = here < there if descending else here > there
    return condition


def in_order(statement: Select[Any], keys: Sequence[Any], *, descending: bool) -> Select[Any]:
    """Order by the walked key."""
    return statement.order_by(*(key.desc() if descending else key.asc() for key in keys))


def keyset_rows(
    session: Session, selection: Selection, position: Sequence[Any] | None, *, descending: bool, limit: int
) -> list[Any]:
    """Up to `limit` rows after a position, in the order of the key."""
    statement = selection.apply(select(selection.listing.entity).options(*selection.listing.loads))
    if position is not None:
        statement = statement.where(beyond(selection.keys, position, descending=descending))
    return list(session.scalars(in_order(statement, selection.keys, descending=descending).limit(limit)))


def numbered_rows(
    session: Session, selection: Selection, *, descending: bool, offset: int, limit: int
) -> tuple[list[Any], int]:
    """One page by its number, and how many rows are selected."""
    keys, count = numbered_keys(session, selection, descending=descending, offset=offset, limit=limit)
    listing = selection.listing
    statement = select(listing.entity).options(*listing.loads).where(listing.key.in_(keys))
    return list(session.scalars(in_order(statement, listing.keys, descending=descending))), count


def numbered_keys(
    session: Session, selection: Selection, *, descending: bool, offset: int, limit: int
) -> tuple[list[Any], int]:
    """Ids of one page by its number, in no order, and how many rows are selected.

    What is skipped is walked in the index alone, from that end of the list which is nearer.
    """
    count = count_rows(session, selection)
    limit = min(limit, count - offset)
    if limit <= 0:
        return [], count
    behind = count - offset - limit
    keys = select(selection.keys[-1]).select_from(selection.listing.entity)
    statement = in_order(selection.apply(keys), selection.keys, descending=descending == (offset <= behind))
    return list(session.scalars(statement.offset(min(offset, behind)).limit(limit))), count


def count_rows(session: Session, selection: Selection) -> int:
    """How many rows are selected."""
    statement = selection.apply(select(func.count()).select_from(selection.listing.entity))
    count: int = session.execute(statement).scalar_one()
    return count


def visible_row(session: Session, selection: Selection, key: Any) -> Any | None:
    """One row by its id, when the selection holds it."""
    listing = selection.listing
    statement = selection.apply(select(listing.entity).options(*listing.loads)).where(listing.key == key)
    return session.scalars(statement).one_or_none()
