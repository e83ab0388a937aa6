"""Files: which contents are there, and which a user may use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from web_helper.backend.models import DataFile, DataFileClaim, DataUnit, DataUnitFile, FileStatus
from web_helper.backend.queries.data.collections import sees_collection
from web_helper.backend.queries.data.upsert import insert_missing
from web_helper.backend.queries.filters import Condition, Listing, common_filters, contains_text, exact, strings


def sees_file(user_id: int) -> Condition:
    """The user has sent or announced the file, or sees a data unit that it belongs to."""
    is_claimed = exists().where(DataFileClaim.data_file_id == DataFile.id, DataFileClaim.user_id == user_id)
    is_in_unit = (
        exists()
        .where(DataUnitFile.data_file_id == DataFile.id)
        .where(DataUnit.id == DataUnitFile.data_unit_id, sees_collection(DataUnit.data_collection_id, user_id))
    )
    return or_(is_claimed, is_in_unit)


LISTING = Listing(
    noun="data files",
    entity=DataFile,
    keys=(DataFile.id,),
    filters={
        **common_filters(DataFile.id, contains_text(DataFile.path), searched="the path"),
        "status": strings(DataFile.status, "How far the upload is.", [status.value for status in FileStatus]),
        "sha256": exact(DataFile.sha256, "SHA-256 of the content, in hex."),
    },
    visible_to=sees_file,
)


def files_by_hash(session: Session, storage_id: int, hashes: Sequence[str]) -> dict[str, DataFile]:
    """Known contents of one storage (index: unique storage_id, sha256)."""
    query = select(DataFile).where(DataFile.storage_id == storage_id, DataFile.sha256.in_(hashes))
    return {file.sha256: file for file in session.scalars(query)}


def insert_files(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add contents that are new to their storage."""
    if rows:
        session.execute(insert_missing(session, DataFile), rows)


def claim_files(session: Session, user_id: int, file_ids: Iterable[int]) -> None:
    """Let a user put these files into data units."""
    rows = [{"user_id": user_id, "data_file_id": file_id} for file_id in sorted(set(file_ids))]
    if rows:
        session.execute(insert_missing(session, DataFileClaim), rows)


def visible_files(session: Session, file_ids: Iterable[int], viewer_id: int | None) -> dict[int, DataFile]:
    """Those of the files that the user may see; None sees all."""
    wanted = sorted(set(file_ids))
    if not wanted:
        return {}
    query = select(DataFile).where(DataFile.id.in_(wanted))
    if viewer_id is not None:
        query = query.where(sees_file(viewer_id))
    return {file.id: file for file in session.scalars(query)}


def confirmed_hashes(session: Session, hashes: Sequence[str], viewer_id: int | None) -> dict[str, int]:
    """Ids of visible, complete files by SHA-256."""
    query = select(DataFile.sha256, DataFile.id).where(
        DataFile.sha256.in_(hashes), DataFile.status == FileStatus.CONFIRMED
    )
    if viewer_id is not None:
        query = query.where(sees_file(viewer_id))
    return dict(session.execute(query).all())
