"""Rows that are added to the component store, and the one thing in it that moves: where aliases point.

Into the tables, not through entities: a scan adds 10,000 rows at once, and the unit of work costs more than they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, text, tuple_
from sqlalchemy.orm import Session

from synapse_sdk.wire.components import ChangeSetKind
from web_helper.backend.models import (
    ComponentAlias,
    ComponentAliasChange,
    ComponentChangeSet,
    ComponentManifest,
    ComponentManifestEntry,
    ComponentVersion,
)
from web_helper.backend.models.base import BigId, utc_now
from web_helper.backend.queries.components.rows import add_rows

# Any constant does: it names this lock among PostgreSQL's advisory locks.
STORE_LOCK = 7_305_022
_VERSIONS: Any = ComponentVersion.__table__
_MOVES: Any = ComponentAliasChange.__table__
_ALIASES: Any = ComponentAlias.__table__
_INSERT_VERSION, _INSERT_MOVE = insert(_VERSIONS), insert(_MOVES)


def lock_store(session: Session) -> None:
    """Wait until no other transaction changes the store; what is read afterwards stays true until the end.

    SQLite has one writer anyway. On PostgreSQL row locks would not do: a first version has no row yet.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": STORE_LOCK})


def add_change_set(session: Session, kind: ChangeSetKind, user_id: int, *, reason: str, registered: int) -> int:
    """A new change set; its id."""
    row = ComponentChangeSet(kind=kind, user_id=user_id, reason=reason, registered=registered)
    session.add(row)
    session.flush()
    return row.id


class NewVersion(NamedTuple):
    """A version that is added."""

    path: str
    category: str
    name: str
    hash: str
    sha256: str


class NewMove(NamedTuple):
    """An alias that is pointed elsewhere; None stands for no version."""

    path: str
    alias: str
    from_version_id: int | None
    to_version_id: int | None


def add_versions(session: Session, change_set_id: int, rows: Iterable[NewVersion], now: datetime) -> dict[str, int]:
    """Versions that are not there yet; their ids by path. The store must be locked."""
    newest = select(func.coalesce(func.max(_VERSIONS.c.id), 0))
    before = session.connection().execute(newest).scalar_one()
    same = {"change_set_id": change_set_id, "created": now}
    add_rows(session, _INSERT_VERSION, same=same, columns=NewVersion._fields, rows=rows)
    added = session.connection().execute(select(_VERSIONS.c.path, _VERSIONS.c.id).where(_VERSIONS.c.id > before))
    return {row.path: row.id for row in added.all()}


def move_aliases(session: Session, change_set_id: int, moves: Sequence[NewMove]) -> None:
    """Point aliases elsewhere, and write down from where to where; a move to no version takes the alias away."""
    if not moves:
        return
    statements, mine = _statements(session.get_bind().dialect.name), {"change_set_id": change_set_id}
    add_rows(session, _INSERT_MOVE, same=mine, columns=NewMove._fields, rows=moves)
    # What was written down is done.
    session.connection().execute(statements.point, {**mine, "now": utc_now()})
    if any(move.to_version_id is None for move in moves):
        session.connection().execute(statements.take_away, mine)


class _Statements:
    """What carries out the moves of a change set, built once for a dialect."""

    def __init__(self, dialect_name: str) -> None:
        # Only the dialect that is used anyway: the other costs a process megabytes.
        dialect = import_module(f"sqlalchemy.dialects.{dialect_name}")
        move, alias = _MOVES.c, _ALIASES.c
        mine = move.change_set_id == bindparam("change_set_id", type_=BigId)
        now = bindparam("now", type_=alias.changed.type)
        moved = select(move.path, move.alias, move.to_version_id, now).where(mine, move.to_version_id.is_not(None))
        insert_moved = dialect.insert(_ALIASES).from_select(["path", "alias", "version_id", "changed"], moved)
        new = {name: insert_moved.excluded[name] for name in ("version_id", "changed")}
        self.point = insert_moved.on_conflict_do_update(index_elements=["path", "alias"], set_=new)
        gone = select(move.path, move.alias).where(mine, move.to_version_id.is_(None))
        self.take_away = delete(_ALIASES).where(tuple_(alias.path, alias.alias).in_(gone))


@cache
def _statements(dialect_name: str) -> _Statements:
    return _Statements(dialect_name)


def add_manifest(session: Session, uid: str, user_id: int, versions: dict[str, int]) -> None:
    """What an experiment ran with."""
    session.add(ComponentManifest(experiment_uid=uid, user_id=user_id))
    session.flush()
    table: Any = ComponentManifestEntry.__table__
    rows = [{"experiment_uid": uid, "path": path, "version_id": version} for path, version in versions.items()]
    if rows:
        session.execute(insert(table), rows)
