"""What a bundle needs to know about stored files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from web_helper.backend.models import DataFile, FileStatus, Storage


@dataclass(frozen=True)
class StoredRow:
    """One confirmed file: its content and where that lies."""

    sha256: str
    size_bytes: int
    storage_id: int
    path: str


def list_stored(session: Session, sha256s: Collection[str]) -> Sequence[StoredRow]:
    """Confirmed files of these contents in any storage, by the unique index on (storage, SHA-256)."""
    columns = (DataFile.sha256, DataFile.size_bytes, DataFile.storage_id, DataFile.path)
    query = select(*columns).where(
        # Storages are few; naming them all lets the index be used, which leads with the storage.
        DataFile.storage_id.in_(select(Storage.id)),
        DataFile.sha256.in_(sha256s),
        DataFile.status == FileStatus.CONFIRMED,
    )
    return [StoredRow(*row) for row in session.execute(query.order_by(DataFile.id))]


def list_storages(session: Session) -> Sequence[int]:
    """Ids of all storages; they are few."""
    return session.scalars(select(Storage.id).order_by(Storage.id)).all()
