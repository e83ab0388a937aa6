"""Pre-annotations: which run wrote a task's annotations, from what, and what was there before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Double, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from synapse_sdk.wire.pre_annotations import PreAnnotationMethod
from synapse_sdk.wire.work import WorkStatus
from web_helper.backend.models.base import Base, Created, Numbered, UtcDateTime


class PreAnnotationRun(Created, Base):
    """One run of a pre-annotation over a project."""

    __tablename__ = "pre_annotation_runs"
    __table_args__ = (Index("ix_pre_annotation_runs_created_id", "created", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    method: Mapped[PreAnnotationMethod] = mapped_column(String(16))
    plugin_release_id: Mapped[int | None] = mapped_column(ForeignKey("plugin_releases.id", ondelete="SET NULL"))
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id", ondelete="SET NULL"))
    specification: Mapped[str | None] = mapped_column(String(200))
    producer: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[str] = mapped_column(String(200), default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PreAnnotation(Numbered, Created, Base):
    """What a run wrote into one task: once for each model version, whatever is killed and started again.

    `version_key` is a hash of release and model, or of specification, converter and file. `data_sha256` and `status`
    are what the run left: while the task still has both, nobody has touched it.
    """

    __tablename__ = "pre_annotations"
    __table_args__ = (UniqueConstraint("task_id", "version_key"), Index("ix_pre_annotations_run_id_id", "run_id", "id"))

    run_id: Mapped[str] = mapped_column(ForeignKey("pre_annotation_runs.id", ondelete="CASCADE"))
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    version_key: Mapped[str] = mapped_column(String(64))
    source_version: Mapped[str] = mapped_column(String(64), default="")
    score: Mapped[float | None] = mapped_column(Double)
    data_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[WorkStatus] = mapped_column(String(16))
    previous_data: Mapped[str | None] = mapped_column(Text, deferred=True)
    run: Mapped[PreAnnotationRun] = relationship()
