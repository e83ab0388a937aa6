"""Tasks, assignments and reviews: what lists of them can select, and the lookups of their services.

Lists of one project walk `(project_id, id)`; lists over all projects walk the primary key.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload, undefer

from web_helper.backend.models import (
    Assignment,
    DataUnit,
    PreAnnotation,
    Review,
    ReviewStatus,
    Tag,
    Task,
    WorkStatus,
)
from web_helper.backend.queries.filters import (
    Condition,
    Filter,
    Kind,
    Listing,
    common_filters,
    flag,
    integers,
    is_any_of,
    strings,
)
from web_helper.backend.queries.labelling.annotation_sql import has_category
from web_helper.backend.queries.work.projects import is_member

WORK_STATUSES = [status.value for status in WorkStatus]
REVIEW_STATUSES = [status.value for status in ReviewStatus]
UNIT_NAME = "the data unit's name"


def _unit_named(text: str) -> Condition:
    return DataUnit.name.icontains(text, autoescape=True)


def _reviewed_as(states: list[str]) -> Condition:
    return (
        select(Assignment.id).where(Assignment.task_id == Task.id, is_any_of(Assignment.status_review, states)).exists()
    )


def _is_pre_annotated(wanted: bool) -> Condition:  # noqa: FBT001 (a filter's value)
    written = select(PreAnnotation.id).where(PreAnnotation.task_id == Task.id).exists()
    return written if wanted else ~written


def _assigned_to(user_ids: list[int]) -> Condition:
    return select(Assignment.id).where(Assignment.task_id == Task.id, is_any_of(Assignment.user_id, user_ids)).exists()


TASKS = Listing(
    noun="tasks",
    entity=Task,
    keys=(Task.id,),
    filters={
        **common_filters(Task.id, lambda text: Task.data_unit.has(_unit_named(text)), searched=UNIT_NAME),
        "project": integers(Task.project_id, "Tasks of these projects."),
        "status": strings(Task.status, "How far the work is.", WORK_STATUSES),
        "is_discarded": flag(Task.is_discarded, "Whether the task was taken out of the work."),
        "data_unit": integers(Task.data_unit_id, "Tasks about these data units."),
        "tags": Filter(Kind.STRINGS, lambda names: Task.tags.any(Tag.name.in_(names)), "Tasks with any of these tags."),
        "user": Filter(Kind.INTEGERS, _assigned_to, "Tasks with an assignment of any of these users."),
        "category": Filter(
            Kind.EXACT,
            lambda names: has_category(Task.data, names),
            "Tasks with an annotation of any of these classes.",
        ),
        "is_pre_annotated": Filter(Kind.FLAG, _is_pre_annotated, "Whether a run has ever pre-annotated the task."),
        "status_review": Filter(
            Kind.STRINGS,
            _reviewed_as,
            "Tasks with an assignment of which a reviewer said this.",
            tuple(REVIEW_STATUSES),
        ),
    },
    visible_to=lambda user_id: is_member(Task.project_id, user_id),
)
ASSIGNMENTS = Listing(
    noun="assignments",
    entity=Assignment,
    keys=(Assignment.id,),
    filters={
        **common_filters(
            Assignment.id,
            lambda text: Assignment.task.has(Task.data_unit.has(_unit_named(text))),
            searched=UNIT_NAME,
        ),
        "project": integers(Assignment.project_id, "Assignments of these projects."),
        "task": integers(Assignment.task_id, "Assignments of these tasks."),
        "user": integers(Assignment.user_id, "Assignments of these users."),
        "status_label": strings(Assignment.status_label, "How far the work is.", WORK_STATUSES),
        "status_review": strings(Assignment.status_review, "What the reviewer said.", REVIEW_STATUSES),
        "is_confirmed": flag(Assignment.is_confirmed, "Whether the assignment was confirmed."),
        "is_discarded": flag(Assignment.is_discarded, "Whether the assignment was taken out of the work."),
        "tags": Filter(
            Kind.STRINGS,
            lambda names: Assignment.tags.any(Tag.name.in_(names)),
            "Assignments with any of these tags.",
        ),
    },
    visible_to=lambda user_id: is_member(Assignment.project_id, user_id),
)


def _assignment_of_member(user_id: int) -> Condition:
    visible = select(Assignment.id).where(
        Assignment.id == Review.assignment_id, is_member(Assignment.project_id, user_id)
    )
    return visible.exists()


REVIEWS = Listing(
    noun="reviews",
    entity=Review,
    keys=(Review.id,),
    filters={
        **common_filters(
            Review.id, lambda text: Review.comment.icontains(text, autoescape=True), searched="the comment"
        ),
        "assignment": integers(Review.assignment_id, "Reviews of these assignments."),
        "status": strings(Review.status, "What the reviewer said.", REVIEW_STATUSES),
    },
    visible_to=_assignment_of_member,
)

WITH_TASK_DATA = (undefer(Task.data), selectinload(Task.tags))
WITH_ASSIGNMENT_DATA = (undefer(Assignment.data), selectinload(Assignment.tags))


def find_task(session: Session, task_id: int) -> Task | None:
    """A task with its data and tags, by primary key."""
    return session.get(Task, task_id, options=WITH_TASK_DATA)


def find_assignment(session: Session, assignment_id: int) -> Assignment | None:
    """An assignment with its data and tags, by primary key."""
    return session.get(Assignment, assignment_id, options=WITH_ASSIGNMENT_DATA)


def find_task_of_unit(session: Session, project_id: int, data_unit_id: int) -> Task | None:
    """The task about a data unit (index: unique project_id, data_unit_id)."""
    return session.scalar(select(Task).where(Task.project_id == project_id, Task.data_unit_id == data_unit_id))


def work_of_ids(session: Session, entity: Any, ids: list[int]) -> list[Any]:
    """Tasks or assignments with their tags, by primary key, ascending."""
    statement = select(entity).options(selectinload(entity.tags)).where(entity.id.in_(ids)).order_by(entity.id)
    return list(session.scalars(statement))
