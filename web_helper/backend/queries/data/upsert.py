"""`INSERT … ON CONFLICT DO NOTHING` for both databases."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy.orm import Session

from web_helper.backend.models import Base


def insert_missing(session: Session, entity: type[Base]) -> Any:
    """An insert that leaves rows alone which a unique constraint already has.

    Into the table, not the entity: the unit of work costs as much as the insert itself.
    """
    return _insert_missing(session.get_bind().dialect.name, entity)


@cache
def _insert_missing(dialect_name: str, entity: type[Base]) -> Any:
    # Only the dialect that is used anyway: the other costs a process megabytes.
    dialect = import_module(f"sqlalchemy.dialects.{dialect_name}")
    return dialect.insert(entity.__table__).on_conflict_do_nothing()
