"""Durable server jobs: the row is what people see; its id is the workflow id, so enqueueing twice is harmless."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.models.base import Base, BigId, Created, JsonText, UtcDateTime


class JobKind(StrEnum):
    """What a durable job is for: a bundle that somebody asked for, that of a released version, or a data set."""

    EXPORT = "export"
    SNAPSHOT = "snapshot"
    DATASET = "dataset"


class AsyncJob(Created, Base):
    """One durable job.

    `result` holds `{storage, prefix, manifest}` of a finished bundle, or of a data set `{storage, prefix, archive,
    report}`.
    """

    __tablename__ = "async_jobs"
    __table_args__ = (Index("ix_async_jobs_created_id", "created", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    # `{user id}:{key}`: two equal requests of one user are one job. `snapshot:{version id}`: a version has one.
    idempotency_key: Mapped[str | None] = mapped_column(String(240), unique=True)
    params: Mapped[dict[str, Any]] = mapped_column(JsonText)
    status: Mapped[AsyncJobStatus] = mapped_column(String(16), default=AsyncJobStatus.QUEUED, index=True)
    # How often a worker has begun the job. A worker that was overtaken finds a higher number here and stops.
    attempt: Mapped[int] = mapped_column(default=0)
    is_cancel_requested: Mapped[bool] = mapped_column(default=False)
    processed: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    # Ascends with every change that a watcher should see: the SSE event id.
    revision: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    error: Mapped[str | None] = mapped_column(Text)
    # Of a data set: how far each step is, the job that gathered its rows, and the key that its process works with.
    steps: Mapped[list[dict[str, Any]] | None] = mapped_column(JsonText)
    bundle_job_id: Mapped[str | None] = mapped_column(String(36))
    token_id: Mapped[int | None] = mapped_column(BigId)
    started: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
