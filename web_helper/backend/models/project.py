"""Work: projects, tasks, assignments, their reviews and tags.

`data` columns hold annotation data (`synapse_sdk.wire.annotations.AnnotationData`) as JSON text that scans pass on
without decoding. Each list walks its `(project_id, id)` index.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from synapse_sdk.wire.work import ReviewStatus, WorkStatus
from web_helper.backend.models.base import Base, BigId, Created, JsonText, Numbered, UtcDateTime
from web_helper.backend.models.collection import DataUnit


class Project(Numbered, Created, Base):
    """What a team labels, and with which classes (`configuration.class_schema`)."""

    __tablename__ = "projects"

    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str] = mapped_column(default="")
    data_collection_id: Mapped[int | None] = mapped_column(ForeignKey("data_collections.id"))
    configuration: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)


class Tag(Numbered, Base):
    """A label that people put on tasks and assignments of one project."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))


task_tags = Table(
    "task_tags",
    Base.metadata,
    Column("task_id", BigId, ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("tag_id", BigId, ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True, index=True),
)
assignment_tags = Table(
    "assignment_tags",
    Base.metadata,
    Column("assignment_id", BigId, ForeignKey("assignments.id", ondelete="CASCADE"), primary_key=True),
    Column("tag_id", BigId, ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Task(Numbered, Created, Base):
    """One data unit to be annotated in one project, with its current annotations."""

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("project_id", "data_unit_id"),
        Index("ix_tasks_project_id_id", "project_id", "id"),
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    data_unit_id: Mapped[int] = mapped_column(ForeignKey("data_units.id"), index=True)
    status: Mapped[WorkStatus] = mapped_column(String(16), default=WorkStatus.PENDING)
    is_discarded: Mapped[bool] = mapped_column(default=False)
    data: Mapped[str | None] = mapped_column(Text, deferred=True)
    meta: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    data_unit: Mapped[DataUnit] = relationship()
    tags: Mapped[list[Tag]] = relationship(secondary=task_tags, order_by=Tag.name)


class Assignment(Numbered, Created, Base):
    """One person's work on one task. `project_id` repeats the task's, so that a list can walk one index."""

    __tablename__ = "assignments"
    __table_args__ = (
        Index("ix_assignments_project_id_id", "project_id", "id"),
        # What waits for a reviewer. Not partial: that loads PostgreSQL's dialect and driver in every process.
        Index("ix_assignments_to_review", "status_review", "status_label", "project_id"),
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    status_label: Mapped[WorkStatus] = mapped_column(String(16), default=WorkStatus.PENDING)
    status_review: Mapped[ReviewStatus] = mapped_column(String(16), default=ReviewStatus.PENDING)
    is_confirmed: Mapped[bool] = mapped_column(default=False)
    is_discarded: Mapped[bool] = mapped_column(default=False)
    data: Mapped[str | None] = mapped_column(Text, deferred=True)
    task: Mapped[Task] = relationship()
    tags: Mapped[list[Tag]] = relationship(secondary=assignment_tags, order_by=Tag.name)


class Review(Numbered, Created, Base):
    """What a reviewer decided about an assignment, and why."""

    __tablename__ = "reviews"

    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id", ondelete="CASCADE"), index=True)
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    status: Mapped[ReviewStatus] = mapped_column(String(16))
    comment: Mapped[str] = mapped_column(default="")


class TaskEdit(Base):
    """The last change that a person made to a task's annotations. It is the present one while they have `data_sha256`.

    Not columns of `tasks`: its triggers would note each save twice.
    """

    __tablename__ = "task_edits"

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    data_sha256: Mapped[str] = mapped_column(String(64))
    changed: Mapped[datetime] = mapped_column(UtcDateTime)
