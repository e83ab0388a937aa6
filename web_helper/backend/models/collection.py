"""Data: collections, the files in them, and the units that people annotate."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from web_helper.backend.models.base import Base, Created, JsonText, Numbered


class FileStatus(StrEnum):
    """A file is pending until its bytes have arrived and their checksum was right."""

    PENDING = "pending"
    CONFIRMED = "confirmed"


class DataCollection(Numbered, Created, Base):
    """A set of data units with the same files."""

    __tablename__ = "data_collections"

    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(default="")
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    file_specifications: Mapped[list[FileSpecification]] = relationship(
        order_by="FileSpecification.id", cascade="all, delete-orphan"
    )


class FileSpecification(Numbered, Base):
    """One file that each data unit of a collection has, or may have."""

    __tablename__ = "file_specifications"
    __table_args__ = (UniqueConstraint("data_collection_id", "name"),)

    data_collection_id: Mapped[int] = mapped_column(ForeignKey("data_collections.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    file_type: Mapped[str] = mapped_column(String(16), default="image")
    is_required: Mapped[bool] = mapped_column(default=True)
    is_primary: Mapped[bool] = mapped_column(default=False)


class DataFile(Numbered, Created, Base):
    """Bytes in a storage, once per content and storage."""

    __tablename__ = "data_files"
    __table_args__ = (UniqueConstraint("storage_id", "sha256"),)

    storage_id: Mapped[int] = mapped_column(ForeignKey("storages.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    path: Mapped[str] = mapped_column(String(1024))
    status: Mapped[FileStatus] = mapped_column(String(16), default=FileStatus.PENDING)


class DataFileClaim(Base):
    """A user may put this file into data units: having announced its SHA-256 and size, they have the content.

    Without it, guessing a number would be enough to read another project's files.
    """

    __tablename__ = "data_file_claims"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    data_file_id: Mapped[int] = mapped_column(ForeignKey("data_files.id", ondelete="CASCADE"), primary_key=True)


class DataUnit(Numbered, Created, Base):
    """What one annotation is about: usually one image, with its size in pixels.

    `key` makes an import idempotent: the same key in the same collection is the same unit.
    """

    __tablename__ = "data_units"
    __table_args__ = (
        UniqueConstraint("data_collection_id", "key"),
        Index("ix_data_units_collection_id", "data_collection_id", "id"),
    )

    data_collection_id: Mapped[int] = mapped_column(ForeignKey("data_collections.id", ondelete="CASCADE"))
    key: Mapped[str | None] = mapped_column(String(1024))
    name: Mapped[str] = mapped_column(String(1024))
    width: Mapped[int | None]
    height: Mapped[int | None]
    meta: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    files: Mapped[list[DataUnitFile]] = relationship(order_by="DataUnitFile.id", cascade="all, delete-orphan")


class DataUnitFile(Numbered, Base):
    """A file in its role within a data unit, with the name it came under."""

    __tablename__ = "data_unit_files"
    __table_args__ = (UniqueConstraint("data_unit_id", "specification"),)

    data_unit_id: Mapped[int] = mapped_column(ForeignKey("data_units.id", ondelete="CASCADE"))
    data_file_id: Mapped[int] = mapped_column(ForeignKey("data_files.id"), index=True)
    specification: Mapped[str] = mapped_column(String(100))
    is_primary: Mapped[bool] = mapped_column(default=False)
    file_name_original: Mapped[str] = mapped_column(String(1024))
    data_file: Mapped[DataFile] = relationship()
