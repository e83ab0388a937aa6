"""Ground truth: data sets of curated annotations, every change as an event, and versions that never change.

An event is a full copy of a ground truth at one moment. A version is a fixed set of events: releasing one inserts its
rows and nothing ever updates them.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from synapse_sdk.wire.ground_truth import EventLabel
from web_helper.backend.models.base import Base, BigId, Created, Numbered, UtcDateTime, utc_now
from web_helper.backend.models.collection import DataUnit


class GroundTruthDataset(Numbered, Created, Base):
    """A named set of ground truths, curated within one project."""

    __tablename__ = "ground_truth_datasets"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(default="")
    # When the collection that is going on did something last; one that broke off leaves it, too.
    collecting: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GroundTruth(Numbered, Created, Base):
    """The current curated annotations of one data unit."""

    __tablename__ = "ground_truths"
    __table_args__ = (
        UniqueConstraint("dataset_id", "data_unit_id"),
        Index("ix_ground_truths_dataset_id_id", "dataset_id", "id"),
        # An id is never used again: its events stay in the history.
        {"sqlite_autoincrement": True},
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("ground_truth_datasets.id", ondelete="CASCADE"))
    data_unit_id: Mapped[int] = mapped_column(ForeignKey("data_units.id"), index=True)
    data: Mapped[str | None] = mapped_column(Text, deferred=True)
    data_unit: Mapped[DataUnit] = relationship()


class GroundTruthEvent(Base):
    """One change of one ground truth, with the state after it. Append-only."""

    __tablename__ = "ground_truth_events"
    __table_args__ = (Index("ix_ground_truth_events_dataset_id_pgh_id", "dataset_id", "pgh_id"),)

    pgh_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    pgh_label: Mapped[EventLabel] = mapped_column(String(16))
    pgh_created: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    # No foreign key: the history outlives a deleted ground truth.
    ground_truth_id: Mapped[int] = mapped_column(BigId, index=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("ground_truth_datasets.id", ondelete="CASCADE"))
    data_unit_id: Mapped[int] = mapped_column(ForeignKey("data_units.id"), index=True)
    data: Mapped[str | None] = mapped_column(Text, deferred=True)
    data_unit: Mapped[DataUnit] = relationship()


class GroundTruthDatasetVersion(Numbered, Created, Base):
    """A released, immutable state of a data set."""

    __tablename__ = "ground_truth_dataset_versions"
    __table_args__ = (UniqueConstraint("dataset_id", "name"),)

    dataset_id: Mapped[int] = mapped_column(ForeignKey("ground_truth_datasets.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str] = mapped_column(default="")
    event_count: Mapped[int] = mapped_column(default=0)


class VersionEvent(Base):
    """Membership of an event in a version; its primary key is the index that exports walk."""

    __tablename__ = "ground_truth_version_events"

    version_id: Mapped[int] = mapped_column(
        ForeignKey("ground_truth_dataset_versions.id", ondelete="CASCADE"), primary_key=True
    )
    # Its own index as well: deleting an event asks for the versions that hold it.
    pgh_id: Mapped[int] = mapped_column(ForeignKey("ground_truth_events.pgh_id"), primary_key=True, index=True)
