"""Who changed a task's annotations last."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from web_helper.backend.models.base import Base, UtcDateTime


class TaskEdit(Base):
    """The last change that a person made. It is the present one while the task's data has `data_sha256`.

    Not columns of `tasks`: its triggers would note each save twice.
    """

    __tablename__ = "task_edits"

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    data_sha256: Mapped[str] = mapped_column(String(64))
    changed: Mapped[datetime] = mapped_column(UtcDateTime)
