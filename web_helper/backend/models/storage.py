"""Where bytes are kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from web_helper.backend.models.base import Base, Created, JsonText, Numbered


class Storage(Numbered, Created, Base):
    """A place for files; `provider` and `configuration` are those of `synapse_sdk.utils.storage`."""

    __tablename__ = "storages"

    name: Mapped[str] = mapped_column(String(200), unique=True)
    category: Mapped[str] = mapped_column(String(16), default="internal")
    provider: Mapped[str] = mapped_column(String(32))
    configuration: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    is_default: Mapped[bool] = mapped_column(default=False)
