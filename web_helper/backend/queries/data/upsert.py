"""`INSERT … ON CONFLICT DO NOTHING` for both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from web_helper.backend.models import Base


def insert_missing(session: Session, entity: type[Base]) -> Any:
    """An insert that leaves rows alone which a unique constraint already has.

    Into the table, not the entity: the unit of work costs as much as the insert itself.
    """
    target: Any = entity.__table__
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(target).on_conflict_do_nothing()
    return sqlite.insert(target).on_conflict_do_nothing()
