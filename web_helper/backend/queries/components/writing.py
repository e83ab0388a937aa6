"""Rows that are added to the component store, and the one thing in it that moves: where aliases point.

Into the tables, not through entities: a scan adds 10,000 rows at once, and the unit of work costs more than they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from sqlalchemy import Select, String, and_, bindparam, delete, func, insert, select, text, tuple_
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
_SETS: Any = ComponentChangeSet.__table__
_INSERT_VERSION, _INSERT_MOVE, _INSERT_SET = insert(_VERSIONS), insert(_MOVES), insert(_SETS)


def lock_store(session: Session) -> None:
    """Wait until no other transaction changes the store; what is read afterwards stays true until the end.

    SQLite has one writer anyway. On PostgreSQL row locks would not do: a first version has no row yet.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": STORE_LOCK})


def add_change_set(session: Session, kind: ChangeSetKind, user_id: int, *, reason: str, registered: int = 0) -> int:
    """A new change set; its id."""
    row = ComponentChangeSet(kind=kind, user_id=user_id, reason=reason, registered=registered)
    session.add(row)
    session.flush()
    return row.id


def add_repeated_set(session: Session, source_id: int, alias: str, user_id: int, *, reason: str) -> int:
    """A new change set that has moved `alias` to what another has brought; its id."""
    about = {"kind": ChangeSetKind.ACTIVATE, "user_id": user_id, "reason": reason, "registered": 0}
    made: Any = session.connection().execute(_INSERT_SET, {**about, "source_id": source_id, "alias": alias})
    return int(made.inserted_primary_key[0])


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


class Brought(StrEnum):
    """What a change set has pointed aliases to."""

    NOTHING = "nothing"
    ONE_EACH = "one version of each path"
    SEVERAL = "several versions of a path"


def find_brought(session: Session, change_set_id: int) -> Brought:
    """What a change set has pointed aliases to (index: change_set_id)."""
    statements, mine = _statements(session.get_bind().dialect.name), {"change_set_id": change_set_id}
    first, last = session.connection().execute(statements.aliases, mine).one()
    if first is None:
        return Brought.NOTHING
    # A set moves an alias of a path once.
    if first == last or session.connection().execute(statements.doubled, mine).first() is None:
        return Brought.ONE_EACH
    return Brought.SEVERAL


def elsewhere(session: Session, change_set_id: int, alias: str) -> set[str]:
    """Paths at which an alias does not point to what a change set has brought (index: change_set_id; primary key)."""
    statements = _statements(session.get_bind().dialect.name)
    given = {"change_set_id": change_set_id, "name": alias}
    return set(session.connection().execute(statements.elsewhere, given).scalars())


def point_to_set(session: Session, change_set_id: int, alias: str) -> int:
    """Point an alias to everything that a change set has brought; how many were moved."""
    given = {"change_set_id": change_set_id, "name": alias, "now": utc_now()}
    statements = _statements(session.get_bind().dialect.name)
    return session.connection().execute(statements.point_to_set, given).rowcount


class _Statements:
    """What carries out the moves of a change set, built once for a dialect."""

    def __init__(self, dialect_name: str) -> None:
        # Only the dialect that is used anyway: the other costs a process megabytes.
        dialect = import_module(f"sqlalchemy.dialects.{dialect_name}")
        move, alias = _MOVES.c, _ALIASES.c
        mine = move.change_set_id == bindparam("change_set_id", type_=BigId)
        now, name = bindparam("now", type_=alias.changed.type), bindparam("name", type_=String)

        def pointing(to: Select[Any]) -> Any:
            inserted = dialect.insert(_ALIASES).from_select(["path", "alias", "version_id", "changed"], to)
            new = {column: inserted.excluded[column] for column in ("version_id", "changed")}
            is_move = alias.version_id.is_distinct_from(inserted.excluded.version_id)
            return inserted.on_conflict_do_update(index_elements=["path", "alias"], set_=new, where=is_move)

        brought = (mine, move.to_version_id.is_not(None))
        self.point = pointing(select(move.path, move.alias, move.to_version_id, now).where(*brought))
        # A set may point several aliases to a version.
        same = select(move.path, name, move.to_version_id, now).where(*brought).distinct()
        self.point_to_set = pointing(same).execution_options(preserve_rowcount=True)
        each = select(move.path, move.to_version_id).where(*brought).distinct().subquery().c
        self.aliases = select(func.min(move.alias), func.max(move.alias)).where(*brought)
        lowest, highest = func.min(move.to_version_id), func.max(move.to_version_id)
        self.doubled = select(move.path).where(*brought).group_by(move.path).having(lowest != highest).limit(1)
        at = and_(alias.path == each.path, alias.alias == name)
        is_elsewhere = alias.version_id.is_distinct_from(each.to_version_id)
        self.elsewhere = select(each.path).outerjoin(_ALIASES, at).where(is_elsewhere)
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
