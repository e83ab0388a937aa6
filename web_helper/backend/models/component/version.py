"""Contents, versions, and the names that point to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from web_helper.backend.models.base import Base, Created, Numbered, UtcDateTime, utc_now


class ComponentBlob(Created, Base):
    """The bytes of one or more versions, kept once. `content` is packed: `queries.components.blobs` opens it.

    Attributes:
        is_packed: Whether `content` is compressed; what came before packing is as it was.
        base_sha256: The newer blob that this one is packed against; None for one that stands alone.
    """

    __tablename__ = "component_blobs"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size_bytes: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    is_packed: Mapped[bool] = mapped_column(default=False, server_default=false())
    base_sha256: Mapped[str | None] = mapped_column(String(64))


class ComponentVersion(Numbered, Created, Base):
    """One content at one path. `hash` is its short public name (xxh3_64), which a path has at most once."""

    __tablename__ = "component_versions"
    __table_args__ = (UniqueConstraint("path", "hash"),)

    path: Mapped[str] = mapped_column(String(120))
    category: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(100))
    hash: Mapped[str] = mapped_column(String(16), index=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("component_blobs.sha256"), index=True)
    change_set_id: Mapped[int] = mapped_column(ForeignKey("component_change_sets.id"))


class ComponentAlias(Base):
    """Which version a name means at a path: `active` is what workers get. The key makes it exactly one."""

    __tablename__ = "component_aliases"

    path: Mapped[str] = mapped_column(String(120), primary_key=True)
    alias: Mapped[str] = mapped_column(String(63), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("component_versions.id"))
    changed: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
