"""Where an export's rows lie among the ids, and the finished parts of a job."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, except_, func, literal_column, select
from sqlalchemy.orm import Session

from web_helper.backend.models import ExportPart
from web_helper.backend.queries.async_jobs import lock_attempt
from web_helper.backend.queries.changes import ROWS_PER_FETCH, Scope, changed_rows
from web_helper.backend.queries.filters import Selection


def count_ranges(session: Session, selection: Selection, bits: int) -> list[tuple[int, int]]:
    """`number, rows` of each stretch of 2^bits ids that holds selected rows, ascending."""
    stretch = selection.keys[-1].op(">>")(literal_column(str(bits))).label("stretch")
    statement = selection.apply(select(stretch, func.count()).select_from(selection.listing.entity))
    return [(row[0], row[1]) for row in session.execute(statement.group_by(stretch).order_by(stretch))]


def changed_only(selection: Selection, scope: Scope, since: int) -> Selection:
    """The selected rows that changed or appeared at a position or later."""
    changed = changed_rows(scope, since).subquery("news")
    condition = selection.keys[-1].in_(select(changed.c.row_id))
    return replace(selection, conditions=(*selection.conditions, condition))


def iterate_gone(session: Session, selection: Selection, scope: Scope, since: int) -> Iterator[int]:
    """Ids, ascending, of the scope's rows that changed and are not (any more) selected."""
    changed = changed_rows(scope, since).subquery("changed")
    listing = selection.listing
    still_here = changed_only(selection, scope, since).apply(select(listing.key).select_from(listing.entity))
    gone = except_(select(changed.c.row_id), still_here).subquery("gone")
    statement = select(gone.c.row_id).order_by(gone.c.row_id)
    for row in session.execute(statement, execution_options={"yield_per": ROWS_PER_FETCH}):
        yield row[0]


def list_parts(session: Session, job_id: str) -> Sequence[ExportPart]:
    """Finished parts of a job, by its primary key, ascending."""
    return session.scalars(select(ExportPart).where(ExportPart.job_id == job_id).order_by(ExportPart.first_id)).all()


def add_parts(session: Session, job_id: str, attempt: int, parts: Collection[dict[str, Any]]) -> None:
    """Record finished parts, unless the attempt was overtaken."""
    if lock_attempt(session, job_id, attempt) is not None:
        session.add_all(ExportPart(job_id=job_id, attempt=attempt, **part) for part in parts)


def replace_parts(session: Session, job_id: str, attempt: int, parts: Collection[dict[str, Any]]) -> None:
    """Have these parts in place of all that were recorded before, unless the attempt was overtaken."""
    if lock_attempt(session, job_id, attempt) is not None:
        forget_parts(session, job_id)
        session.add_all(ExportPart(job_id=job_id, attempt=attempt, **part) for part in parts)


def forget_parts(session: Session, job_id: str) -> None:
    """Forget the parts of a job, by its primary key."""
    session.execute(delete(ExportPart).where(ExportPart.job_id == job_id))
