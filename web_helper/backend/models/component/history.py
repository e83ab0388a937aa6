"""Who changed what, when and why, and what experiments ran with."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from synapse_sdk.wire.components import ChangeSetKind
from web_helper.backend.models.base import Base, BigId, Created, Numbered


class ComponentChangeSet(Numbered, Created, Base):
    """Versions added and aliases moved in one transaction.

    Attributes:
        source_id: The set whose moves this one has repeated for `alias`; it has no `ComponentAliasChange` of its own.
    """

    __tablename__ = "component_change_sets"

    kind: Mapped[ChangeSetKind] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    registered: Mapped[int] = mapped_column(default=0)
    source_id: Mapped[int | None] = mapped_column(BigId, index=True)
    alias: Mapped[str | None] = mapped_column(String(63))


class ComponentAliasChange(Numbered, Base):
    """One move of an alias; None stands for no version. A set with a `source_id` has none."""

    __tablename__ = "component_alias_changes"
    __table_args__ = (Index("ix_component_alias_changes_path_id", "path", "id"),)

    change_set_id: Mapped[int] = mapped_column(ForeignKey("component_change_sets.id"), index=True)
    path: Mapped[str] = mapped_column(String(120))
    alias: Mapped[str] = mapped_column(String(63))
    from_version_id: Mapped[int | None] = mapped_column(ForeignKey("component_versions.id"))
    to_version_id: Mapped[int | None] = mapped_column(ForeignKey("component_versions.id"))


class ComponentManifest(Created, Base):
    """What one experiment ran with."""

    __tablename__ = "component_manifests"

    experiment_uid: Mapped[str] = mapped_column(String(200), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class ComponentManifestEntry(Base):
    """One component of a manifest."""

    __tablename__ = "component_manifest_entries"

    experiment_uid: Mapped[str] = mapped_column(ForeignKey("component_manifests.experiment_uid"), primary_key=True)
    path: Mapped[str] = mapped_column(String(120), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("component_versions.id"), index=True)
