"""Pre-annotations: pages of tasks, what is done, and writing or taking back a batch in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session, joinedload, undefer

from web_helper.backend.models import PreAnnotation, PreAnnotationRun, Task
from web_helper.backend.queries.data.upsert import insert_missing
from web_helper.backend.queries.filters import (
    Condition,
    Kind,
    Listing,
    Selection,
    common_filters,
    contains_text,
    exact,
    integers,
    is_any_of,
    strings,
)
from web_helper.backend.queries.work.projects import is_member

Row = Mapping[str, Any]


def _run_of_member(user_id: int) -> Condition:
    visible = select(PreAnnotationRun.id).where(
        PreAnnotationRun.id == PreAnnotation.run_id, is_member(PreAnnotationRun.project_id, user_id)
    )
    return visible.exists()


RUNS = Listing(
    noun="pre_annotation_runs",
    entity=PreAnnotationRun,
    keys=(PreAnnotationRun.created, PreAnnotationRun.id),
    filters={
        **common_filters(
            PreAnnotationRun.id,
            contains_text(PreAnnotationRun.producer, PreAnnotationRun.version),
            searched="the producer or the version",
            kind=Kind.EXACT,
        ),
        "project": integers(PreAnnotationRun.project_id, "Runs over these projects."),
        "method": strings(PreAnnotationRun.method, "Where annotations come from.", ["file", "inference"]),
        "model": integers(PreAnnotationRun.model_id, "Runs with these models."),
        "plugin_release": integers(PreAnnotationRun.plugin_release_id, "Runs of these releases."),
    },
    visible_to=lambda user_id: is_member(PreAnnotationRun.project_id, user_id),
    sort_name="created",
)
PRE_ANNOTATIONS = Listing(
    noun="pre_annotations",
    entity=PreAnnotation,
    keys=(PreAnnotation.id,),
    filters={
        **common_filters(
            PreAnnotation.id, contains_text(PreAnnotation.source_version), searched="the annotation file's SHA-256"
        ),
        "run": exact(PreAnnotation.run_id, "Of these runs."),
        "task": integers(PreAnnotation.task_id, "Of these tasks."),
    },
    visible_to=_run_of_member,
    loads=(joinedload(PreAnnotation.run),),
)


def task_ids_after(session: Session, selection: Selection, after_id: int, limit: int) -> list[int]:
    """The next ids of a selection of tasks (index: project_id, id)."""
    statement = selection.apply(select(Task.id)).where(Task.id > after_id).order_by(Task.id).limit(limit)
    return list(session.scalars(statement))


def version_keys(session: Session, task_ids: Sequence[int]) -> set[tuple[int, str]]:
    """What these tasks were annotated with (index: unique task_id, version_key)."""
    statement = select(PreAnnotation.task_id, PreAnnotation.version_key).where(
        is_any_of(PreAnnotation.task_id, task_ids)
    )
    return {(task_id, key) for task_id, key in session.execute(statement)}


def lock_tasks(session: Session, project_id: int, task_ids: Sequence[int]) -> dict[int, tuple[str, str | None]]:
    """Status and data of tasks of the project, held until the transaction ends; in one order, against deadlocks."""
    statement = (
        select(Task.id, Task.status, Task.data)
        .where(is_any_of(Task.id, task_ids), Task.project_id == project_id)
        .order_by(Task.id)
        .with_for_update()
    )
    return {row.id: (str(row.status), row.data) for row in session.execute(statement)}


def traces(session: Session, task_ids: Sequence[int]) -> dict[int, set[tuple[str, str]]]:
    """What runs have left in these tasks: hash and status of each."""
    statement = select(PreAnnotation.task_id, PreAnnotation.data_sha256, PreAnnotation.status).where(
        is_any_of(PreAnnotation.task_id, task_ids)
    )
    left: dict[int, set[tuple[str, str]]] = {}
    for task_id, data_sha256, status in session.execute(statement):
        left.setdefault(task_id, set()).add((data_sha256, str(status)))
    return left


def insert_pre_annotations(session: Session, rows: Sequence[Row]) -> set[int]:
    """Add what is new; ids of the tasks that had no annotations of this version."""
    if not rows:
        return set()
    statement = insert_missing(session, PreAnnotation).returning(PreAnnotation.task_id)
    return set(session.scalars(statement, rows))


def write_task_data(session: Session, texts: Mapping[int, str | None]) -> None:
    """Set the data of tasks, and nothing else."""
    if not texts:
        return
    table: Any = Task.__table__
    statement = update(table).where(table.c.id == bindparam("task")).values(data=bindparam("text"))
    session.execute(statement, [{"task": task_id, "text": text} for task_id, text in texts.items()])


def rows_of_run(session: Session, run_id: str, after_id: int, limit: int) -> list[PreAnnotation]:
    """The next rows of a run, with what was there before (index: run_id, id)."""
    statement = (
        select(PreAnnotation)
        .options(undefer(PreAnnotation.previous_data))
        .where(PreAnnotation.run_id == run_id, PreAnnotation.id > after_id)
        .order_by(PreAnnotation.id)
        .limit(limit)
    )
    return list(session.scalars(statement))


def rows_of_tasks(session: Session, task_ids: Sequence[int]) -> list[PreAnnotation]:
    """Everything that runs wrote into these tasks, ascending (index: unique task_id, version_key)."""
    statement = (
        select(PreAnnotation)
        .options(undefer(PreAnnotation.previous_data))
        .where(is_any_of(PreAnnotation.task_id, task_ids))
        .order_by(PreAnnotation.id)
    )
    return list(session.scalars(statement))


def delete_rows(session: Session, ids: Sequence[int]) -> None:
    """Forget rows."""
    if ids:
        session.execute(delete(PreAnnotation).where(is_any_of(PreAnnotation.id, ids)))
