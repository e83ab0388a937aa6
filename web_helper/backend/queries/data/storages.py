"""Storages: which there are, which one is the default."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from web_helper.backend.models import DataFile, Member, Role, Storage
from web_helper.backend.queries.filters import Listing, common_filters, contains_text, strings

LISTING = Listing(
    noun="storages",
    entity=Storage,
    keys=(Storage.id,),
    filters={
        **common_filters(Storage.id, contains_text(Storage.name), searched="the name"),
        "provider": strings(Storage.provider, "Storages of these providers."),
    },
)


def default_storage(session: Session) -> Storage | None:
    """The storage that takes files for which none is named."""
    return session.scalar(select(Storage).where(Storage.is_default).order_by(Storage.id).limit(1))


def all_storages(session: Session) -> list[Storage]:
    """Every storage; there are few."""
    return list(session.scalars(select(Storage).order_by(Storage.id)))


def make_default(session: Session, storage_id: int) -> None:
    """One storage is the default, no other."""
    session.execute(update(Storage).values(is_default=Storage.id == storage_id))


def has_name(session: Session, name: str) -> bool:
    """Whether a storage of this name exists."""
    return session.scalar(select(Storage.id).where(Storage.name == name)) is not None


def holds_files(session: Session, storage_id: int) -> bool:
    """Whether any file lies in the storage."""
    return session.scalar(select(DataFile.id).where(DataFile.storage_id == storage_id).limit(1)) is not None


def manages_any_project(session: Session, user_id: int) -> bool:
    """Whether the user is a manager, or more, of at least one project."""
    query = select(Member.id).where(Member.user_id == user_id, Member.role.in_([Role.MANAGER, Role.ADMIN])).limit(1)
    return session.scalar(query) is not None
