"""Hosts that run experiments, and the conflicts that they ask people about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from synapse_sdk.wire.devices import NotificationStatus, Resolution
from web_helper.backend.models.base import Base, Created, JsonText, Numbered, UtcDateTime


class Device(Numbered, Created, Base):
    """A host that runs experiments. Its key is a row of `tokens`, which names it."""

    __tablename__ = "devices"

    host_id: Mapped[str] = mapped_column(String(100), unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    # What it told with its last heartbeat.
    report: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DeviceConflict(Numbered, Created, Base):
    """A file on a device that differs from the store's, what was decided about it, and what came of that."""

    __tablename__ = "device_conflicts"
    __table_args__ = (
        UniqueConstraint("device_id", "fingerprint"),
        Index("ix_device_conflicts_status_id", "status", "id"),
    )

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id", ondelete="CASCADE"))
    # Of path and both contents: the same conflict is asked about once.
    fingerprint: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(120))
    conflict_type: Mapped[str] = mapped_column(String(32))
    local_sha256: Mapped[str | None] = mapped_column(String(64))
    server_sha256: Mapped[str | None] = mapped_column(String(64))
    local_hash: Mapped[str | None] = mapped_column(String(64))
    server_hash: Mapped[str | None] = mapped_column(String(64))
    # Not in the store before somebody decides that it shall be.
    local_content: Mapped[str | None] = mapped_column(Text, deferred=True)
    message: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[NotificationStatus] = mapped_column(String(16), default=NotificationStatus.PENDING)
    resolution: Mapped[Resolution | None] = mapped_column(String(16))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    outcome: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
