"""What a card shows beside the row itself, for one page at once; where pages start; and what lies beside a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from web_helper.backend.models import Assignment, PreAnnotation, Review, ReviewStatus, Task
from web_helper.backend.queries import export_rows
from web_helper.backend.queries.filters import Selection, is_any_of
from web_helper.backend.queries.lists import beyond, in_order
from web_helper.backend.queries.work.tasks import TASKS


def primary_file(row: export_rows.Row) -> export_rows.UnitFile | None:
    """The file that is shown of a task: the primary specification's, else the first."""
    return next((file for file in row.files if file.is_primary), next(iter(row.files), None))


def unit_of(session: Session, task_id: int) -> tuple[export_rows.Unit, export_rows.UnitFile | None]:
    """The data unit of a task that is there, and the file that is shown of it."""
    bare = Selection(TASKS, (), TASKS.keys)
    row = export_rows.rows_of_ids(session, export_rows.TASK_ROWS, bare, [task_id], with_data=False)[0]
    return row.unit, primary_file(row)


def review_states(session: Session, task_ids: Sequence[int]) -> dict[int, ReviewStatus]:
    """What the newest assignment of each task says of its review (index: assignments' task_id)."""
    newest = select(func.max(Assignment.id)).where(is_any_of(Assignment.task_id, task_ids)).group_by(Assignment.task_id)
    statement = select(Assignment.task_id, Assignment.status_review).where(Assignment.id.in_(newest))
    return {task_id: ReviewStatus(status) for task_id, status in session.execute(statement)}


def newest_assignment(session: Session, task_id: int) -> Assignment | None:
    """The assignment that speaks for a task (index: assignments' task_id)."""
    statement = select(Assignment).where(Assignment.task_id == task_id).order_by(Assignment.id.desc()).limit(1)
    return session.scalar(statement)


def newest_comment(session: Session, assignment_id: int) -> str:
    """What the last reviewer wrote (index: reviews' assignment_id)."""
    statement = select(Review.comment).where(Review.assignment_id == assignment_id).order_by(Review.id.desc()).limit(1)
    return session.scalar(statement) or ""


def pre_annotated(session: Session, task_ids: Sequence[int]) -> set[int]:
    """Those of the tasks that a run has written (index: unique task_id, version_key)."""
    return set(session.scalars(select(PreAnnotation.task_id).where(is_any_of(PreAnnotation.task_id, task_ids))))


def page_ends(session: Session, selection: Selection, *, per_page: int, descending: bool) -> tuple[int, list[int]]:
    """How many tasks are selected, and the last id of each full page: one walk along (project_id, id)."""
    key = selection.keys[-1]
    order = key.desc() if descending else key.asc()
    number = func.row_number().over(order_by=order).label("number")
    numbered = selection.apply(select(key.label("id"), number).select_from(Task)).subquery()
    ends = select(numbered.c.id, numbered.c.number).order_by(numbered.c.number)
    rows = session.execute(ends.where(numbered.c.number % per_page == 0)).all()
    beyond_last = selection.apply(select(func.count()).select_from(Task))
    if rows:
        beyond_last = beyond_last.where(beyond(selection.keys, [rows[-1].id], descending=descending))
    count = len(rows) * per_page + int(session.execute(beyond_last).scalar_one())
    return count, [row.id for row in rows]


def next_task_id(session: Session, selection: Selection, task_id: int, *, descending: bool) -> int | None:
    """The next task of a selection (index: project_id, id)."""
    statement: Any = selection.apply(select(Task.id)).where(beyond(selection.keys, [task_id], descending=descending))
    found: int | None = session.scalar(in_order(statement, selection.keys, descending=descending).limit(1))
    return found
