"""What importing a batch reads and inserts: a fixed number of statements, whatever the number of items.

Inserts leave rows that are already there alone (unique constraints decide), so that two equal batches may run at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, selectinload

from web_helper.backend.models import (
    Assignment,
    DataCollection,
    DataUnit,
    DataUnitFile,
    Tag,
    Task,
    assignment_tags,
    task_tags,
)
from web_helper.backend.queries.data.upsert import insert_missing

Row = Mapping[str, Any]


@dataclass(frozen=True)
class KnownTask:
    """The task of one data unit in one project, as the database has it."""

    task_id: int
    data: str | None
    assignment_id: int | None


def lock_collection(session: Session, collection_id: int) -> DataCollection | None:
    """The collection, held until the transaction ends: two projects that import the same keys would deadlock."""
    query = select(DataCollection).where(DataCollection.id == collection_id)
    return session.scalar(query.options(selectinload(DataCollection.file_specifications)).with_for_update())


def unit_ids_by_key(session: Session, collection_id: int, keys: Sequence[str]) -> dict[str, int]:
    """Ids of the units that exist under these keys (index: unique data_collection_id, key)."""
    query = select(DataUnit.key, DataUnit.id).where(
        DataUnit.data_collection_id == collection_id, DataUnit.key.in_(keys)
    )
    return {key: unit_id for key, unit_id in session.execute(query) if key is not None}


def insert_units(session: Session, rows: Sequence[Row]) -> dict[str, int]:
    """Add the units whose keys are new; ids of those that were added, by key."""
    if not rows:
        return {}
    statement = insert_missing(session, DataUnit).returning(DataUnit.key, DataUnit.id)
    return {key: unit_id for key, unit_id in session.execute(statement, rows) if key is not None}


def insert_unit_files(session: Session, rows: Sequence[Row]) -> None:
    """Add the files of new units."""
    if rows:
        session.execute(insert_missing(session, DataUnitFile), rows)


def tasks_by_unit(session: Session, project_id: int, unit_ids: Iterable[int]) -> dict[int, KnownTask]:
    """Tasks of these units in the project, with their annotations and first assignment."""
    tasks = session.execute(
        select(Task.data_unit_id, Task.id, Task.data).where(
            Task.project_id == project_id, Task.data_unit_id.in_(list(unit_ids))
        )
    ).all()
    assignments: dict[int, int] = {}
    query = select(Assignment.task_id, Assignment.id).where(Assignment.task_id.in_([task.id for task in tasks]))
    for task_id, assignment_id in session.execute(query.order_by(Assignment.id)):
        assignments.setdefault(task_id, assignment_id)
    return {unit_id: KnownTask(task_id, data, assignments.get(task_id)) for unit_id, task_id, data in tasks}


def insert_tasks(session: Session, rows: Sequence[Row]) -> dict[int, int]:
    """Add tasks for units that have none in the project; ids of those that were added, by unit."""
    if not rows:
        return {}
    statement = insert_missing(session, Task).returning(Task.data_unit_id, Task.id)
    return dict(session.execute(statement, rows).all())


def insert_assignments(session: Session, rows: Sequence[Row]) -> dict[int, int]:
    """Add one assignment to each new task; their ids by task."""
    if not rows:
        return {}
    table: Any = Assignment.__table__
    statement = insert(table).returning(Assignment.task_id, Assignment.id)
    return dict(session.execute(statement, rows).all())


def tag_ids(session: Session, project_id: int, names: Sequence[str]) -> dict[str, int]:
    """Ids of the project's tags of these names; those that are missing are added."""
    if not names:
        return {}
    session.execute(insert_missing(session, Tag), [{"project_id": project_id, "name": name} for name in names])
    query = select(Tag.name, Tag.id).where(Tag.project_id == project_id, Tag.name.in_(names))
    return dict(session.execute(query).all())


def insert_tag_links(session: Session, task_rows: Sequence[Row], assignment_rows: Sequence[Row]) -> None:
    """Put tags on new tasks and assignments."""
    if task_rows:
        session.execute(insert(task_tags), task_rows)
    if assignment_rows:
        session.execute(insert(assignment_tags), assignment_rows)
