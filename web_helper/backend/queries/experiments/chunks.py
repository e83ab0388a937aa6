"""Pieces of what runs print and measure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from web_helper.backend.models import Experiment, ExperimentChunk


def add_chunk(session: Session, experiment_id: int, stream: str, position: int, *, content: bytes) -> None:
    """Keep a piece."""
    table: Any = ExperimentChunk.__table__
    row = {"experiment_id": experiment_id, "stream": stream, "position": position, "content": content}
    session.execute(insert(table), [row])


def read_stream(session: Session, experiment_id: int, stream: str, start: int, *, limit: int) -> bytes:
    """Up to `limit` bytes from `start` on (primary key experiment_id, stream, position)."""
    chunk = ExperimentChunk
    mine = (chunk.experiment_id == experiment_id, chunk.stream == stream)
    # A piece that begins before the start may hold it.
    first = select(func.max(chunk.position)).where(*mine, chunk.position <= start).scalar_subquery()
    query = select(chunk.position, chunk.content).where(*mine, chunk.position >= first, chunk.position < start + limit)
    return b"".join(
        bytes(content)[max(0, start - position) : start + limit - position]
        for position, content in session.execute(query.order_by(chunk.position))
    )


def list_old_logs(session: Session, finished_before: datetime, limit: int) -> list[int]:
    """Experiments that ended before then and still have their log, the oldest first (index: log_removed, finished)."""
    query = select(Experiment.id).where(Experiment.log_removed.is_(None), Experiment.finished < finished_before)
    return list(session.scalars(query.order_by(Experiment.finished).limit(limit)))


def remove_stream(session: Session, experiment_ids: Sequence[int], stream: str) -> None:
    """Delete all pieces of a stream (primary key)."""
    chunk = ExperimentChunk
    session.execute(delete(chunk).where(chunk.experiment_id.in_(experiment_ids), chunk.stream == stream))


def note_removed_logs(session: Session, experiment_ids: Sequence[int], moment: datetime) -> None:
    """Remember that the logs of these are gone (primary key)."""
    session.execute(update(Experiment).where(Experiment.id.in_(experiment_ids)).values(log_removed=moment))
