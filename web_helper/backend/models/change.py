"""The log of changes: which rows of an export changed or went, noted by database triggers (revision 0003).

A later revision that rebuilds one of the noted tables on SQLite (a batch operation does) has to make its triggers
again; `tests/backend/test_changes.py` tells.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from sqlalchemy import BigInteger, Column, Index, SmallInteger, String, Table
from sqlalchemy.orm import Mapped, mapped_column

from web_helper.backend.models.base import Base, BigId, Numbered, UtcDateTime, utc_now


class ChangeKind(IntEnum):
    """What `row_changes.row_id` is the id of; a row's own change, or that of something its line shows."""

    TASK = 1
    ASSIGNMENT = 2
    EVENT = 3
    UNIT = 4
    FILE = 5
    TAG = 6


# `scope_id` is the project of a task or assignment, the data set of an event, else 0; `parent_id` an assignment's task.
# On PostgreSQL `mark` is not a key: it is the id of the transaction that made the change.
row_changes = Table(
    "row_changes",
    Base.metadata,
    Column("mark", BigId, primary_key=True, autoincrement=True),
    Column("kind", SmallInteger, nullable=False),
    Column("scope_id", BigInteger, nullable=False),
    Column("row_id", BigInteger, nullable=False),
    Column("parent_id", BigInteger),
    Index("ix_row_changes_kind_scope_id_mark", "kind", "scope_id", "mark"),
    sqlite_autoincrement=True,
)


class ChangeLog(Base):
    """One row: whose marks these are, and the oldest mark from which the log is still complete."""

    __tablename__ = "change_log"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[str] = mapped_column(String(32))
    floor: Mapped[int] = mapped_column(BigInteger)


class ChangeCheckpoint(Numbered, Base):
    """What the newest mark was at a time, so that the log can be cut by age."""

    __tablename__ = "change_checkpoints"

    mark: Mapped[int] = mapped_column(BigInteger)
    noted: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
