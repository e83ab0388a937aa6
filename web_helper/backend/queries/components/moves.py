"""Where aliases pointed, and where to they were moved.

A change set that names what it moves has a row for each move. One that points an alias to everything that another set
has pointed to names that other set, whose rows never change, and has none: to write them took longer than all else that
it does, and longer each time, because the index by path is then written all over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, CompoundSelect, String, Subquery, bindparam, func, select, union
from sqlalchemy.orm import Session

from web_helper.backend.models import ComponentAliasChange, ComponentChangeSet
from web_helper.backend.models.base import BigId

_MOVE: Any = ComponentAliasChange.__table__.c
_SET: Any = ComponentChangeSet.__table__.c


class MoveRow(NamedTuple):
    """One move of an alias."""

    change_set_id: int
    path: str
    alias: str
    from_version_id: int | None
    to_version_id: int | None


def moves_where(of_move: ColumnElement[bool]) -> Subquery:
    """Every move at some paths, with the columns of `MoveRow`.

    Args:
        of_move: Chooses paths by `ComponentAliasChange`; of a path all moves, for each tells where the next began.
    """
    events = union(
        select(_MOVE.change_set_id, _MOVE.path, _MOVE.alias, _MOVE.to_version_id).where(of_move),
        select(_SET.id, _MOVE.path, _SET.alias, _MOVE.to_version_id)
        .where(_SET.source_id == _MOVE.change_set_id, _MOVE.to_version_id.is_not(None))
        .where(of_move),
    ).subquery()
    event = events.c
    before = func.lag(event.to_version_id).over(partition_by=(event.path, event.alias), order_by=event.change_set_id)
    told = select(
        event.change_set_id, event.path, event.alias, before.label("from_version_id"), event.to_version_id
    ).subquery()
    # A set may name what an alias points to already.
    is_move = told.c.from_version_id.is_distinct_from(told.c.to_version_id)
    return select(told).where(is_move).subquery()


def moves_of(session: Session, change_set_ids: Sequence[int]) -> list[MoveRow]:
    """The moves of change sets, in their order (indexes: change_set_id; path, id; source_id)."""
    named = select(*(_MOVE[name] for name in MoveRow._fields)).where(_MOVE.change_set_id.in_(change_set_ids))
    found = [MoveRow(*row) for row in session.execute(named.order_by(_MOVE.id))]
    naming = select(_SET.id, _SET.source_id).where(_SET.id.in_(change_set_ids), _SET.source_id.is_not(None))
    sources = {row.id: row.source_id for row in session.execute(naming)}
    if sources:
        source = ComponentAliasChange.__table__.alias()
        brought = select(source.c.path).where(source.c.change_set_id.in_(sources.values()))
        told = moves_where(_MOVE.path.in_(brought))
        theirs = select(told).where(told.c.change_set_id.in_(sources)).order_by(told.c.change_set_id, told.c.path)
        found += [MoveRow(*row) for row in session.execute(theirs)]
    return found


def moves_at(session: Session, path: str, alias: str | None = None) -> list[MoveRow]:
    """Every move of an alias at a path, of one or of all, the oldest first (indexes: path, id; source_id)."""
    told = moves_where(_MOVE.path == path)
    query = select(told).order_by(told.c.change_set_id, told.c.alias)
    if alias is not None:
        query = query.where(told.c.alias == alias)
    return [MoveRow(*row) for row in session.execute(query)]


def _since(alias: ColumnElement[str] | None = None) -> CompoundSelect[Any]:
    since = bindparam("since", type_=BigId)
    named = select(_MOVE.path).where(_MOVE.change_set_id > since)
    by_set = select(_MOVE.path).where(_SET.source_id == _MOVE.change_set_id, _SET.id > since)
    if alias is not None:
        named, by_set = named.where(_MOVE.alias == alias), by_set.where(_SET.alias == alias)
    return union(named, by_set.where(_MOVE.to_version_id.is_not(None)))


# Built once: workers ask this all the time.
_PATHS_SINCE, _PATHS_OF_ALIAS_SINCE = _since(), _since(bindparam("alias", type_=String))


def paths_moved_since(session: Session, change_set_id: int, alias: str | None = None) -> list[str]:
    """Paths at which a later change set has moved an alias, any or this one (indexes: change_set_id; primary key)."""
    if alias is None:
        rows = session.connection().execute(_PATHS_SINCE, {"since": change_set_id})
    else:
        rows = session.connection().execute(_PATHS_OF_ALIAS_SINCE, {"since": change_set_id, "alias": alias})
    return list(rows.scalars())
