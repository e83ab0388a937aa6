"""Tasks: data units that a project works on, and annotating them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from synapse_sdk.wire.work import AnnotateTaskRequest, TaskChange, TaskCreate
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.models import Project, Role, Task, WorkStatus
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.data import data_units
from web_helper.backend.queries.labelling import edits
from web_helper.backend.queries.work import tasks
from web_helper.backend.services.access import has_role, require_role
from web_helper.backend.services.annotation_data import encode_annotation_data
from web_helper.backend.services.call import Call
from web_helper.backend.services.lists import read_row
from web_helper.backend.services.work.projects import find_project, read_class_schema
from web_helper.backend.services.work.tags import ensure_tags

MAX_TASKS_PER_REQUEST = 1000


def find_task(call: Call, task_id: int, role: Role = Role.VIEWER) -> Task:
    """A task with its data, in a project where the caller has at least this role."""
    task = tasks.find_task(call.session, task_id)
    if task is None or not has_role(call, task.project_id, Role.VIEWER):
        raise NotFoundProblem.of("task", task_id)
    require_role(call, task.project_id, role)
    return task


def create_task(call: Call, body: TaskCreate) -> Task:
    """Make a data unit the work of a project."""
    project = find_project(call, body.project, Role.MANAGER)
    unit = read_row(call, data_units.LISTING, body.data_unit)
    if unit.data_collection_id != project.data_collection_id:
        raise ConflictProblem(
            f"Data unit {unit.id} is in data collection {unit.data_collection_id}; "
            f"project {project.id} works on {project.data_collection_id}."
        )
    if tasks.find_task_of_unit(call.session, project.id, unit.id):
        raise ConflictProblem(f"Project {project.id} has a task about data unit {unit.id} already.")
    task = Task(
        project_id=project.id,
        data_unit_id=unit.id,
        status=body.status,
        data=encode_for(project, body.data),
        meta=dict(body.meta),
    )
    task.tags = ensure_tags(call, project.id, body.tags)
    call.session.add(task)
    call.session.flush()
    return task


def create_tasks(call: Call, bodies: Sequence[TaskCreate]) -> list[int]:
    """Make many data units the work of a project; one transaction, so all or none."""
    if len(bodies) > MAX_TASKS_PER_REQUEST:
        raise ValidationProblem(f"At most {MAX_TASKS_PER_REQUEST} tasks in one request; {len(bodies)} were sent.")
    return [create_task(call, body).id for body in bodies]


def change_task(call: Call, task_id: int, body: TaskChange) -> Task:
    """Change what was sent of a task."""
    task = find_task(call, task_id, Role.ANNOTATOR)
    if body.is_discarded is not None or body.meta is not None:
        require_role(call, task.project_id, Role.MANAGER)
    if "data" in body.model_fields_set:
        task.data = encode_for(project_of(call, task.project_id), body.data)
        note_edit(call, task)
    if body.status is not None:
        task.status = body.status
    if body.is_discarded is not None:
        task.is_discarded = body.is_discarded
    if body.meta is not None:
        task.meta = dict(body.meta)
    call.session.flush()
    return task


def annotate_task(call: Call, task_id: int, body: AnnotateTaskRequest) -> Task:
    """Take a task's annotations and mark it completed."""
    task = find_task(call, task_id, Role.ANNOTATOR)
    task.data = encode_for(project_of(call, task.project_id), body.data)
    task.status = WorkStatus.COMPLETED
    note_edit(call, task)
    call.session.flush()
    return task


def delete_task(call: Call, task_id: int) -> None:
    """Delete a task with its assignments; its data unit stays."""
    call.session.delete(find_task(call, task_id, Role.ADMIN))


def note_edit(call: Call, task: Task) -> None:
    """Note that the caller made the task's annotations what they are now."""
    call.session.flush()
    data_sha256 = hashlib.sha256((task.data or "").encode()).hexdigest()
    edits.note_edit(call.session, task.id, call.actor.user_id, data_sha256=data_sha256, changed=utc_now())


def project_of(call: Call, project_id: int) -> Project:
    """The project of a row that exists."""
    return call.session.get_one(Project, project_id)


def encode_for(project: Project, data: Any) -> str | None:
    """Annotation data as it is stored, checked against the project's classes."""
    return None if data is None else encode_annotation_data(data, read_class_schema(project.configuration))
