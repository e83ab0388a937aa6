"""Pieces of what runs print and measure."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from web_helper.backend.models import ExperimentChunk


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
