"""Change sets of the past, and manifests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from web_helper.backend.models import (
    ComponentAliasChange,
    ComponentChangeSet,
    ComponentManifest,
    ComponentManifestEntry,
    ComponentVersion,
    Member,
    Role,
    User,
)


class MoveRow(NamedTuple):
    """One move of an alias."""

    change_set_id: int
    path: str
    alias: str
    from_version_id: int | None
    to_version_id: int | None


_MOVE = (
    ComponentAliasChange.change_set_id,
    ComponentAliasChange.path,
    ComponentAliasChange.alias,
    ComponentAliasChange.from_version_id,
    ComponentAliasChange.to_version_id,
)


def change_sets(session: Session, *, path: str | None, before: int | None, limit: int) -> list[ComponentChangeSet]:
    """Change sets, the newest first: all, or those that touched a path (primary key; index path, id)."""
    query = select(ComponentChangeSet).order_by(ComponentChangeSet.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ComponentChangeSet.id < before)
    if path is not None:
        moved = select(ComponentAliasChange.change_set_id).where(ComponentAliasChange.path == path)
        added = select(ComponentVersion.change_set_id).where(ComponentVersion.path == path)
        query = query.where(ComponentChangeSet.id.in_(moved.union(added)))
    return list(session.scalars(query))


# Built once: workers ask this all the time.
_MOVED_SINCE = (
    select(ComponentAliasChange.path).where(ComponentAliasChange.change_set_id > bindparam("since")).distinct()
)
_NEWEST = select(ComponentChangeSet.id, ComponentChangeSet.created).order_by(ComponentChangeSet.id.desc()).limit(1)


def newest_change_set(session: Session) -> tuple[int, datetime] | None:
    """Id and time of the last change (primary key)."""
    row = session.connection().execute(_NEWEST).first()
    return None if row is None else (row.id, row.created)


def paths_moved_since(session: Session, change_set_id: int) -> list[str]:
    """Paths at which a later change set has moved an alias (index: change_set_id)."""
    return list(session.connection().execute(_MOVED_SINCE, {"since": change_set_id}).scalars())


def moves_of(session: Session, change_set_ids: Sequence[int]) -> list[MoveRow]:
    """The moves of change sets, in their order (index: change_set_id)."""
    query = select(*_MOVE).where(ComponentAliasChange.change_set_id.in_(change_set_ids))
    return [MoveRow(*row) for row in session.execute(query.order_by(ComponentAliasChange.id))]


def moves_at(session: Session, path: str, alias: str) -> list[MoveRow]:
    """Every move of one alias at a path, the oldest first (index: path, id)."""
    query = select(*_MOVE).where(ComponentAliasChange.path == path, ComponentAliasChange.alias == alias)
    return [MoveRow(*row) for row in session.execute(query.order_by(ComponentAliasChange.id))]


def emails_of(session: Session, user_ids: Sequence[int]) -> dict[int, str]:
    """Addresses of users (primary key)."""
    query = select(User.id, User.email).where(User.id.in_(user_ids))
    return {row.id: row.email for row in session.execute(query)}


def manifest_of(session: Session, uid: str) -> ComponentManifest | None:
    """The manifest of an experiment (primary key)."""
    return session.get(ComponentManifest, uid)


def manifest_versions(session: Session, uid: str) -> dict[str, tuple[int, str]]:
    """A manifest's paths, each with its version's id and hash (primary key)."""
    query = (
        select(ComponentManifestEntry.path, ComponentVersion.id, ComponentVersion.hash)
        .join(ComponentVersion, ComponentVersion.id == ComponentManifestEntry.version_id)
        .where(ComponentManifestEntry.experiment_uid == uid)
        .order_by(ComponentManifestEntry.path)
    )
    return {path: (version_id, name) for path, version_id, name in session.execute(query)}


def manages_any_project(session: Session, user_id: int) -> bool:
    """Whether the user manages or administers at least one project (index: unique project_id, user_id)."""
    query = select(Member.id).where(Member.user_id == user_id, Member.role.in_((Role.MANAGER, Role.ADMIN))).limit(1)
    return session.scalar(query) is not None
