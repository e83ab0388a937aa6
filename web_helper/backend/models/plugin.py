"""Plugins, their releases and runs, the agents that run them, and the models they make."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from synapse_sdk.wire.jobs import JobStatus
from web_helper.backend.models.base import Base, Created, JsonText, Numbered, UtcDateTime
from web_helper.backend.models.collection import DataFile


class Plugin(Numbered, Created, Base):
    """A plugin by its code; what it does is in its releases."""

    __tablename__ = "plugins"

    code: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(32))
    description: Mapped[str] = mapped_column(default="")


class PluginRelease(Numbered, Created, Base):
    """One version of a plugin: its configuration and its archive."""

    __tablename__ = "plugin_releases"
    __table_args__ = (UniqueConstraint("plugin_id", "version"),)

    plugin_id: Mapped[int] = mapped_column(ForeignKey("plugins.id", ondelete="CASCADE"))
    version: Mapped[str] = mapped_column(String(64))
    config: Mapped[dict[str, Any]] = mapped_column(JsonText)
    data_file_id: Mapped[int | None] = mapped_column(ForeignKey("data_files.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    is_debug: Mapped[bool] = mapped_column(default=False)
    plugin: Mapped[Plugin] = relationship()
    data_file: Mapped[DataFile | None] = relationship()


class Agent(Numbered, Created, Base):
    """A host that runs plugins. Only the hash of its token is kept."""

    __tablename__ = "agents"

    name: Mapped[str] = mapped_column(String(200), unique=True)
    url: Mapped[str] = mapped_column(String(500))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    capacity: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Job(Created, Base):
    """One run of a plugin's action."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_created_id", "created", "id"),
        Index("ix_jobs_agent_id_status", "agent_id", "status"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    plugin_release_id: Mapped[int | None] = mapped_column(ForeignKey("plugin_releases.id", ondelete="SET NULL"))
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    action: Mapped[str] = mapped_column(String(100))
    params: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    status: Mapped[JobStatus] = mapped_column(String(16), default=JobStatus.PENDING)
    progress_record: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    metrics_record: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    result: Mapped[Any] = mapped_column(JsonText, nullable=True)
    console_logs: Mapped[str] = mapped_column(Text, default="", deferred=True)
    # Bytes that the run has printed so far; `console_logs` keeps the newest of them.
    console_size: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    exit_kind: Mapped[str | None] = mapped_column(String(32))
    exit_code: Mapped[int | None] = mapped_column()
    stop_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # What the key of the run may do: no more than the key that started it.
    scopes: Mapped[list[str]] = mapped_column(JsonText, default=list)
    started: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
    release: Mapped[PluginRelease | None] = relationship(viewonly=True)

    @property
    def plugin_code(self) -> str | None:
        """Code of the plugin that it runs."""
        return self.release.plugin.code if self.release else None

    @property
    def version(self) -> str | None:
        """Version of the plugin that it runs."""
        return self.release.version if self.release else None


class JobLog(Numbered, Base):
    """One structured event of a run."""

    __tablename__ = "job_logs"
    __table_args__ = (Index("ix_job_logs_job_id_id", "job_id", "id"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    # Sender's own number of the entry: a batch that is sent twice is kept once.
    uid: Mapped[str | None] = mapped_column(String(64), unique=True)
    event: Mapped[str] = mapped_column(String(100))
    level: Mapped[str | None] = mapped_column(String(16))
    step: Mapped[str | None] = mapped_column(String(100))
    data: Mapped[Any] = mapped_column(JsonText, nullable=True)
    file: Mapped[str | None] = mapped_column(Text)
    datetime: Mapped[str] = mapped_column(String(32))


class Model(Numbered, Created, Base):
    """A trained model: its weights as a file, and the release that made it."""

    __tablename__ = "models"

    name: Mapped[str] = mapped_column(String(200))
    plugin_release_id: Mapped[int | None] = mapped_column(ForeignKey("plugin_releases.id", ondelete="SET NULL"))
    data_file_id: Mapped[int | None] = mapped_column(ForeignKey("data_files.id"))
    version: Mapped[str] = mapped_column(String(64), default="")
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", JsonText, default=dict)
    data_file: Mapped[DataFile | None] = relationship()
