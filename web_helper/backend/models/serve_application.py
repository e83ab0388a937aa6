"""Served models: what each agent serves, as it told last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from synapse_sdk.wire.serve import ServeStatus
from web_helper.backend.models.base import Base, Created, JsonText, Numbered, UtcDateTime, utc_now
from web_helper.backend.models.plugin import Agent, PluginRelease


class ServeApplication(Numbered, Created, Base):
    """One application of one agent; `status` is what the agent said, true while it is heard."""

    __tablename__ = "serve_applications"
    __table_args__ = (UniqueConstraint("agent_id", "name"),)

    name: Mapped[str] = mapped_column(String(200))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    plugin_release_id: Mapped[int | None] = mapped_column(
        ForeignKey("plugin_releases.id", ondelete="SET NULL"), index=True
    )
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    action: Mapped[str] = mapped_column(String(100))
    params: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    status: Mapped[ServeStatus] = mapped_column(String(16), default=ServeStatus.NOT_STARTED)
    message: Mapped[str] = mapped_column(Text, default="")
    route_prefix: Mapped[str] = mapped_column(String(101), default="")
    endpoint: Mapped[str] = mapped_column(String(300), default="")
    checksum: Mapped[str] = mapped_column(String(64), default="")
    num_replicas: Mapped[int] = mapped_column(default=1)
    replicas: Mapped[int] = mapped_column(default=0)
    resources: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    delete_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changed: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, sort_order=100)
    agent: Mapped[Agent] = relationship()
    release: Mapped[PluginRelease | None] = relationship()
