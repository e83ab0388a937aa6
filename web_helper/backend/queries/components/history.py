"""Change sets of the past, and manifests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

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
from web_helper.backend.queries.components.moves import moves_where


def change_sets(session: Session, *, path: str | None, before: int | None, limit: int) -> list[ComponentChangeSet]:
    """Change sets, the newest first: all, or those that touched a path (primary key; indexes: path, id; source_id)."""
    query = select(ComponentChangeSet).order_by(ComponentChangeSet.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ComponentChangeSet.id < before)
    if path is not None:
        moved = select(moves_where(ComponentAliasChange.path == path).c.change_set_id)
        added = select(ComponentVersion.change_set_id).where(ComponentVersion.path == path)
        query = query.where(ComponentChangeSet.id.in_(moved.union(added)))
    return list(session.scalars(query))


# Built once: workers ask this all the time.
_MADE_AT = select(ComponentChangeSet.created).where(ComponentChangeSet.id == bindparam("id"))
_SOURCE = select(ComponentChangeSet.id, ComponentChangeSet.source_id).where(ComponentChangeSet.id == bindparam("id"))
_NEWEST = select(ComponentChangeSet.id, ComponentChangeSet.created).order_by(ComponentChangeSet.id.desc()).limit(1)


def source_of(session: Session, change_set_id: int) -> int | None:
    """The change set whose moves this one has: another, or itself; None when there is none (primary key)."""
    row = session.connection().execute(_SOURCE, {"id": change_set_id}).first()
    return None if row is None else row.source_id or row.id


def made_at(session: Session, change_set_id: int) -> datetime | None:
    """When a change set was made; None when there is none (primary key)."""
    found: datetime | None = session.connection().execute(_MADE_AT, {"id": change_set_id}).scalar()
    return found


def newest_change_set(session: Session) -> tuple[int, datetime] | None:
    """Id and time of the last change (primary key)."""
    row = session.connection().execute(_NEWEST).first()
    return None if row is None else (row.id, row.created)


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
