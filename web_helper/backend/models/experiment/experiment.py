"""Experiments: what was submitted, what each run is, and what it printed and measured."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from synapse_sdk.wire.experiments import ExperimentStatus, Priority
from web_helper.backend.models.base import Base, Created, JsonText, Numbered, UtcDateTime

# The most urgent has the lowest, so that one index gives the queue in its order.
RANKS = {priority: rank for rank, priority in enumerate(reversed(Priority))}


class ExperimentSubmission(Numbered, Created, Base):
    """A config as it was submitted; it may be many runs."""

    __tablename__ = "experiment_submissions"

    # The user and the key that they chose: sent again, it makes nothing.
    key: Mapped[str | None] = mapped_column(String(150), unique=True)
    file: Mapped[str] = mapped_column(String(200))
    config: Mapped[str] = mapped_column(Text, deferred=True)
    grid_size: Mapped[int] = mapped_column()


class ExperimentComponentSet(Base):
    """Versions that were frozen together, `{path: {hash, sha256}}`: once, for however many runs."""

    __tablename__ = "experiment_component_sets"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    components: Mapped[dict[str, Any]] = mapped_column(JsonText)


class Experiment(Numbered, Created, Base):
    """One run. Its place in the queue is `status`, `rank`, `id`."""

    __tablename__ = "experiments"
    __table_args__ = (
        Index("ix_experiments_status_rank_id", "status", "rank", "id"),
        Index("ix_experiments_device_id_status", "device_id", "status"),
        Index("ix_experiments_log_removed_finished", "log_removed", "finished"),
    )

    uid: Mapped[str] = mapped_column(String(32), unique=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("experiment_submissions.id"), index=True)
    grid: Mapped[int] = mapped_column(default=0)
    name: Mapped[str] = mapped_column(String(200))
    project: Mapped[str] = mapped_column(String(200), index=True)
    status: Mapped[ExperimentStatus] = mapped_column(String(16))
    rank: Mapped[int] = mapped_column()
    config: Mapped[str] = mapped_column(Text, deferred=True)
    config_sha256: Mapped[str] = mapped_column(String(64))
    component_set: Mapped[str] = mapped_column(ForeignKey("experiment_component_sets.sha256"))
    seed: Mapped[int | None] = mapped_column(BigInteger)
    # What it took of each axis of its grid, as people are shown it.
    choices: Mapped[dict[str, str]] = mapped_column(JsonText, server_default="{}", default=dict)
    wanted_device: Mapped[str | None] = mapped_column(String(100))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id", ondelete="SET NULL"))
    # Counts how often it was given to a worker; what a worker sends about another count is refused.
    attempt: Mapped[int] = mapped_column(default=0)
    reproduces: Mapped[str | None] = mapped_column(String(32))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    message: Mapped[str] = mapped_column(Text, default="")
    exit_code: Mapped[int | None] = mapped_column()
    # Written once, when the run begins.
    manifest: Mapped[dict[str, Any] | None] = mapped_column(JsonText, deferred=True)
    log_size: Mapped[int] = mapped_column(BigInteger, default=0)
    metrics_size: Mapped[int] = mapped_column(BigInteger, default=0)
    started: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Held by its worker when it was given up: it is so again when the worker is back.
    was_paused: Mapped[bool] = mapped_column(server_default=false(), default=False)
    # Its worker itself has told that it crashed: then no heartbeat that was on its way meanwhile revives it.
    is_crash_told: Mapped[bool] = mapped_column(server_default=false(), default=False)
    # When what it printed was removed; its metrics stay.
    log_removed: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ExperimentChunk(Base):
    """A piece of a run's log or metrics, as it came; the pieces of one stream follow each other without a gap."""

    __tablename__ = "experiment_chunks"

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True)
    stream: Mapped[str] = mapped_column(String(8), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
