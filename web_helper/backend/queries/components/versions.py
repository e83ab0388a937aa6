"""Versions of components, their contents, and where aliases point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Select, SQLColumnExpression, String, TableValuedAlias, and_, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from synapse_sdk.wire.components import ACTIVE
from web_helper.backend.models import ComponentAlias, ComponentVersion
from web_helper.backend.queries.components.rows import Texts, is_one_of

# Far below what one statement may carry on either database.
PATHS_PER_QUERY = 5_000
SHA256_DIGITS = 64
Item = TypeVar("Item")


class VersionRow(NamedTuple):
    """A version without its content."""

    id: int
    path: str
    category: str
    name: str
    hash: str
    sha256: str
    created: datetime


class SummaryRow(NamedTuple):
    """A component over all its versions."""

    path: str
    category: str
    name: str
    version_count: int
    newest: datetime
    active_hash: str | None
    activated: datetime | None


class AliasRow(NamedTuple):
    """Where an alias points to."""

    path: str
    alias: str
    changed: datetime
    version_id: int
    hash: str
    sha256: str


class MeantRow(NamedTuple):
    """The version that a path and a name mean, and the one that an alias of the path points to; None where none is."""

    target_id: int | None
    target_hash: str | None
    target_sha256: str | None
    source_id: int | None
    source_hash: str | None
    source_sha256: str | None


class HistoryRow(NamedTuple):
    """How many versions a path has, and the content of the newest."""

    path: str
    version_count: int
    newest_sha256: str


_VERSION = (
    ComponentVersion.id,
    ComponentVersion.path,
    ComponentVersion.category,
    ComponentVersion.name,
    ComponentVersion.hash,
    ComponentVersion.sha256,
    ComponentVersion.created,
)


def versions_at(session: Session, paths: Sequence[str]) -> list[VersionRow]:
    """All versions at these paths (index: unique path, hash)."""
    query = select(*_VERSION)
    found: list[VersionRow] = []
    for some in _chunks(paths):
        those = is_one_of(session, ComponentVersion.path, some)
        found += [VersionRow(*row) for row in session.execute(query.where(those))]
    return found


def find_meant(session: Session, alias: str | None, names: Mapping[str, str | None]) -> dict[str, MeantRow]:
    """What names mean, short hashes or SHA-256 by path, and where an alias of these paths points.

    Indexes: unique path, hash; sha256; primary key path, alias.
    """
    long = {path: name for path, name in names.items() if name is not None and len(name) == SHA256_DIGITS}
    short = {path: name for path, name in names.items() if path not in long} if long else names
    statements = _statements(session.get_bind().dialect.name)
    found: dict[str, MeantRow] = {}
    for some, statement in ((short, statements.by_hash), (long, statements.by_sha256)):
        if some:
            # Past the session, which would look at each row a second time.
            rows = session.connection().execute(statement, {**statements.texts.of_items(some), "alias": alias})
            found |= {row[0]: MeantRow._make(row[1:]) for row in rows.all()}
    return found


def histories_at(session: Session, paths: Sequence[str]) -> list[HistoryRow]:
    """How long the histories of these paths are, and where they end (index: unique path, hash; primary key)."""
    statements = _statements(session.get_bind().dialect.name)
    found: list[HistoryRow] = []
    for some in _chunks(paths):
        rows = session.connection().execute(statements.histories, statements.texts.of(some))
        found += map(HistoryRow._make, rows.all())
    return found


class _Statements:
    """What every change asks, built once for a dialect."""

    def __init__(self, dialect: str) -> None:
        version = ComponentVersion
        self.texts = Texts(dialect)
        names = self.texts.items()
        self.by_hash = _meant(names, version.hash)
        self.by_sha256 = _meant(names, version.sha256)
        ends = (
            select(func.count().label("count"), func.max(version.id).label("newest"))
            .where(self.texts.hold(version.path))
            .group_by(version.path)
            .subquery()
        )
        # Of the tables, and no column that must be converted: whoever lacks everything asks for every row.
        alias_of, version_of = ComponentAlias.__table__.c, ComponentVersion.__table__.c
        self.named = (
            select(alias_of.path, version_of.hash, version_of.sha256)
            .join_from(ComponentAlias.__table__, ComponentVersion.__table__, version_of.id == alias_of.version_id)
            .where(alias_of.alias == bindparam("alias", type_=String))
            .order_by(alias_of.path)
        )
        self.named_at = self.named.where(self.texts.hold(alias_of.path))
        self.histories = select(version.path, ends.c.count, version.sha256).join(ends, ends.c.newest == version.id)


def _meant(names: TableValuedAlias, named_by: SQLColumnExpression[str]) -> Select[Any]:
    path, name = names.c["key"], names.c["value"]
    target, source, alias = ComponentVersion, aliased(ComponentVersion), ComponentAlias
    return select(path, target.id, target.hash, target.sha256, source.id, source.hash, source.sha256).select_from(
        names.outerjoin(target, and_(target.path == path, named_by == name))
        .outerjoin(alias, and_(alias.path == path, alias.alias == bindparam("alias", type_=String)))
        .outerjoin(source, source.id == alias.version_id)
    )


@cache
def _statements(dialect: str) -> _Statements:
    return _Statements(dialect)


def versions_of_hash(session: Session, name: str, path: str | None = None) -> list[VersionRow]:
    """What a short hash or a SHA-256 names, at one path or at any, the newest first (indexes: hash; sha256)."""
    column = ComponentVersion.sha256 if len(name) == SHA256_DIGITS else ComponentVersion.hash
    query = select(*_VERSION).where(column == name).order_by(ComponentVersion.id.desc())
    if path is not None:
        query = query.where(ComponentVersion.path == path)
    return [VersionRow(*row) for row in session.execute(query)]


def versions_by_id(session: Session, ids: Iterable[int]) -> dict[int, VersionRow]:
    """Versions by their ids (primary key)."""
    found: dict[int, VersionRow] = {}
    for some in _chunks(sorted(set(ids))):
        query = select(*_VERSION).where(ComponentVersion.id.in_(some))
        found |= {row.id: VersionRow(*row) for row in session.execute(query)}
    return found


def history_of(session: Session, category: str, name: str) -> list[VersionRow]:
    """The versions of one component, the newest first (index: unique path, hash)."""
    path = f"{category}/{name}.py"
    query = select(*_VERSION).where(ComponentVersion.path == path).order_by(ComponentVersion.id.desc())
    return [VersionRow(*row) for row in session.execute(query)]


def summaries(session: Session, category: str | None = None) -> list[SummaryRow]:
    """Every component, by path (indexes: unique path, hash; primary key of the aliases)."""
    active = aliased(ComponentVersion)
    count, newest = func.count(ComponentVersion.id), func.max(ComponentVersion.created)
    keys = (ComponentVersion.path, ComponentVersion.category, ComponentVersion.name)
    pointer = and_(ComponentAlias.path == ComponentVersion.path, ComponentAlias.alias == ACTIVE)
    query = (
        select(*keys, count, newest, active.hash, ComponentAlias.changed)
        .join(ComponentAlias, pointer, isouter=True)
        .join(active, active.id == ComponentAlias.version_id, isouter=True)
        .group_by(*keys, active.hash, ComponentAlias.changed)
        .order_by(ComponentVersion.path)
    )
    if category is not None:
        query = query.where(ComponentVersion.category == category)
    return [SummaryRow(*row) for row in session.execute(query)]


def aliases_at(session: Session, paths: Sequence[str] | None = None, alias: str | None = None) -> list[AliasRow]:
    """Where aliases point, at these paths or everywhere (primary key path, alias)."""
    query = _aliases()
    if alias is not None:
        query = query.where(ComponentAlias.alias == alias)
    if paths is None:
        return [AliasRow(*row) for row in session.execute(query)]
    found: list[AliasRow] = []
    for some in _chunks(paths):
        those = is_one_of(session, ComponentAlias.path, some)
        found += [AliasRow(*row) for row in session.execute(query.where(those))]
    return found


def contents_named_by(session: Session, alias: str, paths: Sequence[str] | None = None) -> dict[str, tuple[str, str]]:
    """Hash and SHA-256 of what an alias names, at these paths or everywhere (primary key path, alias)."""
    statements, connection = _statements(session.get_bind().dialect.name), session.connection()
    if paths is None:
        rows = connection.execute(statements.named, {"alias": alias}).all()
    else:
        given = ({**statements.texts.of(some), "alias": alias} for some in _chunks(paths))
        rows = [row for each in given for row in connection.execute(statements.named_at, each).all()]
    return {path: (name, digest) for path, name, digest in rows}


def paths_that_hold(session: Session, contents: Mapping[str, str]) -> set[str]:
    """Those of these paths that have a version of this SHA-256 (index: sha256)."""
    found: set[str] = set()
    for some in _chunks(sorted(set(contents.values()))):
        those = is_one_of(session, ComponentVersion.sha256, some)
        rows = session.execute(select(ComponentVersion.path, ComponentVersion.sha256).where(those))
        found |= {path for path, digest in rows if contents.get(path) == digest}
    return found


def _aliases() -> Select[str, str, datetime, int, str, str]:
    return (
        select(
            ComponentAlias.path,
            ComponentAlias.alias,
            ComponentAlias.changed,
            ComponentVersion.id,
            ComponentVersion.hash,
            ComponentVersion.sha256,
        )
        .join(ComponentVersion, ComponentVersion.id == ComponentAlias.version_id)
        .order_by(ComponentAlias.path, ComponentAlias.alias)
    )


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), PATHS_PER_QUERY):
        yield items[start : start + PATHS_PER_QUERY]
