"""What the history of one component tells: who brought each version, what pointed to it, and what ran with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from synapse_sdk.wire.components import ChangeSetKind
from web_helper.backend.models import (
    ComponentAliasChange,
    ComponentChangeSet,
    ComponentManifest,
    ComponentManifestEntry,
    ComponentVersion,
    Experiment,
    User,
)
from web_helper.backend.queries.components.moves import moves_where


class ChangeRow(NamedTuple):
    """A change set as far as one version is concerned; `alias` is None where the version was added."""

    version_id: int | None
    alias: str | None
    change_set_id: int
    kind: ChangeSetKind
    reason: str
    email: str | None
    created: datetime


class UseRow(NamedTuple):
    """An experiment that ran with a version."""

    uid: str
    name: str | None
    status: str | None
    recorded: datetime


_SET = (
    ComponentChangeSet.id,
    ComponentChangeSet.kind,
    ComponentChangeSet.reason,
    User.email,
    ComponentChangeSet.created,
)


def additions_at(session: Session, path: str) -> dict[int, ChangeRow]:
    """What added each version of a path, by the version's id (index: unique path, hash)."""
    query = (
        select(ComponentVersion.id, *_SET)
        .join(ComponentChangeSet, ComponentChangeSet.id == ComponentVersion.change_set_id)
        .join(User, User.id == ComponentChangeSet.user_id, isouter=True)
        .where(ComponentVersion.path == path)
    )
    return {row[0]: ChangeRow(row[0], None, *row[1:]) for row in session.execute(query)}


def moves_to_versions_at(session: Session, path: str) -> list[ChangeRow]:
    """Every move of an alias to a version of a path, the newest first (indexes: path, id; source_id)."""
    move = moves_where(ComponentAliasChange.path == path).c
    query = (
        select(move.to_version_id, move.alias, *_SET)
        .join(ComponentChangeSet, ComponentChangeSet.id == move.change_set_id)
        .join(User, User.id == ComponentChangeSet.user_id, isouter=True)
        .order_by(move.change_set_id.desc(), move.alias)
    )
    return [ChangeRow(*row) for row in session.execute(query)]


def count_uses(session: Session, version_ids: Sequence[int]) -> dict[int, int]:
    """How many experiments ran with each of these versions (index: version_id)."""
    entry = ComponentManifestEntry
    query = select(entry.version_id, func.count()).where(entry.version_id.in_(version_ids)).group_by(entry.version_id)
    return {row[0]: row[1] for row in session.execute(query)}


def uses_of(session: Session, version_ids: Sequence[int], *, limit: int) -> list[UseRow]:
    """The experiments that ran with one of these versions, the newest first (index: version_id; unique uid)."""
    manifest = ComponentManifest
    query = (
        select(manifest.experiment_uid, Experiment.name, Experiment.status, manifest.created)
        .join(ComponentManifestEntry, ComponentManifestEntry.experiment_uid == manifest.experiment_uid)
        .join(Experiment, Experiment.uid == manifest.experiment_uid, isouter=True)
        .where(ComponentManifestEntry.version_id.in_(version_ids))
        .order_by(manifest.created.desc(), manifest.experiment_uid)
        .limit(limit)
    )
    return [UseRow(*row) for row in session.execute(query)]
