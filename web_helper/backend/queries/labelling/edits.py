"""The task that is being annotated: held while it changes, and who changed it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload, undefer

from web_helper.backend.models import Model, PreAnnotation, Task, TaskEdit, User
from web_helper.backend.queries.filters import is_any_of


def lock_task(session: Session, task_id: int) -> Task | None:
    """A task with its data, held against other writers until the transaction ends."""
    statement = select(Task).options(undefer(Task.data)).where(Task.id == task_id).with_for_update(of=Task)
    return session.scalar(statement.execution_options(populate_existing=True))


def note_edit(session: Session, task_id: int, user_id: int, *, data_sha256: str, changed: datetime) -> None:
    """Note who made a task's data what it is now."""
    dialect = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}")
    table: Any = TaskEdit.__table__
    values = {"user_id": user_id, "data_sha256": data_sha256, "changed": changed}
    statement = dialect.insert(table).values(task_id=task_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=[table.c.task_id], set_=values))


def edit_of(session: Session, task_id: int) -> tuple[TaskEdit, str | None] | None:
    """The last edit of a task, and its author's name or address."""
    statement = (
        select(TaskEdit, User.name, User.email)
        .outerjoin(User, User.id == TaskEdit.user_id)
        .where(TaskEdit.task_id == task_id)
    )
    row = session.execute(statement).one_or_none()
    return None if row is None else (row[0], row[1] or row[2])


def newest_origin(session: Session, task_id: int) -> PreAnnotation | None:
    """The last pre-annotation that was written into a task (index: unique task_id, version_key)."""
    statement = (
        select(PreAnnotation)
        .options(joinedload(PreAnnotation.run))
        .where(PreAnnotation.task_id == task_id)
        .order_by(PreAnnotation.id.desc())
        .limit(1)
    )
    return session.scalar(statement)


def projects_of(session: Session, task_ids: Sequence[int]) -> dict[int, int]:
    """The project of each of these tasks that is there."""
    return {
        row.id: row.project_id for row in session.execute(select(Task.id, Task.project_id).where(Task.id.in_(task_ids)))
    }


def set_discarded(session: Session, task_ids: Sequence[int], *, is_discarded: bool) -> None:
    """Take tasks out of the work, or back into it; those that are there already stay as they are."""
    changed = update(Task).where(is_any_of(Task.id, task_ids), Task.is_discarded.is_(not is_discarded))
    session.execute(changed.values(is_discarded=is_discarded))


def model_name(session: Session, model_id: int | None) -> str | None:
    """What the model of a run is called."""
    name: str | None = session.scalar(select(Model.name).where(Model.id == model_id)) if model_id else None
    return name
