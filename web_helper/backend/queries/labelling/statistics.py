"""Counts over a project: tasks by their state, annotations by class and size."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import case, func, literal, select, true
from sqlalchemy.orm import Session

from web_helper.backend.models import ChangeKind, Task, row_changes
from web_helper.backend.queries.labelling.annotation_sql import annotation_rows, area_of, category_of


def newest_mark(session: Session, project_id: int) -> int:
    """Moves when a task of the project changes (index: kind, scope_id, mark)."""
    statement = select(func.max(row_changes.c.mark)).where(
        row_changes.c.kind == ChangeKind.TASK, row_changes.c.scope_id == project_id
    )
    return session.scalar(statement) or 0


def task_counts(session: Session, project_id: int) -> list[tuple[str, bool, int]]:
    """Tasks by status and whether they were discarded (index: project_id, id)."""
    statement = (
        select(Task.status, Task.is_discarded, func.count())
        .where(Task.project_id == project_id)
        .group_by(Task.status, Task.is_discarded)
    )
    return [(str(status), bool(discarded), count) for status, discarded, count in session.execute(statement)]


def annotation_counts(session: Session, project_id: int, sides: Sequence[int]) -> list[tuple[str, int | None, int]]:
    """Annotations by class and range of sizes (its number; None without a box), of tasks that were not discarded.

    One statement inside the database, which reads each task's text once.
    """
    shape = annotation_rows(Task.data)
    area = area_of(shape.c.value)
    ranges = [(area < side * side, literal(number)) for number, side in enumerate(sides)]
    number = case((area.is_(None), None), *ranges, else_=literal(len(sides)))
    each = (
        select(category_of(shape.c.value).label("category"), number.label("number"))
        .select_from(Task)
        .join(shape, true())
        .where(Task.project_id == project_id, Task.is_discarded.is_(False), Task.data.is_not(None))
        .subquery()
    )
    statement = select(each.c.category, each.c.number, func.count()).group_by(each.c.category, each.c.number)
    return [(category, found, count) for category, found, count in session.execute(statement) if category is not None]
