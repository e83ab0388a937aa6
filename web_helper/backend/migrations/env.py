"""Alembic's entry: runs the revisions on the connection that `migrate` hands over, inside its transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from web_helper.backend.models import Base
from web_helper.backend.models.base import JsonText, UtcDateTime


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write revisions in plain SQLAlchemy types: they must not change when the models do."""
    if kind != "type":
        return False
    if isinstance(item, JsonText):
        return "sa.Text()"
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if "sqlite" in getattr(item, "_variant_mapping", {}):
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_item=render_item,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
