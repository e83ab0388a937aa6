"""Projects: who may make and change them, and that the id of a class never moves."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from synapse_sdk.wire.annotations import ClassSchema
from synapse_sdk.wire.data import DataCollectionCreate
from synapse_sdk.wire.work import ProjectChange, ProjectCreate
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.models import Member, Project, Role
from web_helper.backend.queries.data import collections
from web_helper.backend.queries.work import projects
from web_helper.backend.services.access import require_role
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.collections import create_collection
from web_helper.backend.services.lists import read_row

CLASS_SCHEMA = "class_schema"


def find_project(call: Call, project_id: int, role: Role) -> Project:
    """A project in which the caller has at least this role."""
    project = call.session.get(Project, project_id)
    if project is None:
        raise NotFoundProblem.of("project", project_id)
    require_role(call, project_id, role)
    return project


def create_project(call: Call, body: ProjectCreate) -> Project:
    """Make a project; whoever makes it becomes its administrator."""
    if projects.has_project_named(call.session, body.name):
        raise ConflictProblem(f"There is a project named {body.name!r} already; choose another name.")
    read_class_schema(body.configuration)
    project = Project(
        name=body.name,
        description=body.description,
        data_collection_id=_collection_id(call, body),
        configuration=dict(body.configuration),
    )
    call.session.add(project)
    call.session.flush()
    call.session.add(Member(project_id=project.id, user_id=call.actor.user_id, role=Role.ADMIN))
    call.session.flush()
    return project


def change_project(call: Call, project_id: int, body: ProjectChange) -> Project:
    """Change what was sent of a project."""
    find_project(call, project_id, Role.MANAGER)
    project = projects.lock_project(call.session, project_id)
    if project is None:
        raise NotFoundProblem.of("project", project_id)
    if body.name is not None and body.name != project.name:
        if projects.has_project_named(call.session, body.name):
            raise ConflictProblem(f"There is a project named {body.name!r} already; choose another name.")
        project.name = body.name
    if body.description is not None:
        project.description = body.description
    if body.data_collection is not None and body.data_collection != project.data_collection_id:
        _change_collection(call, project, body.data_collection)
    if body.configuration is not None:
        check_class_change(read_class_schema(project.configuration), read_class_schema(body.configuration))
        project.configuration = dict(body.configuration)
    call.session.flush()
    return project


def delete_project(call: Call, project_id: int) -> bool:
    """Delete the next part of a project with its work and its ground truth; the data stays in its collection.

    Returns:
        Whether that was the last part.
    """
    project = find_project(call, project_id, Role.ADMIN)
    if not projects.delete_some_rows(call.session, project.id):
        return False
    call.session.delete(project)
    return True


def read_class_schema(configuration: Any) -> ClassSchema:
    """The classes in a project's configuration.

    Raises:
        ValidationProblem: They do not fit the schema, or repeat an id or a name.
    """
    try:
        schema = ClassSchema.model_validate(configuration.get(CLASS_SCHEMA) or {})
    except ValidationError as exc:
        error = exc.errors(include_url=False)[0]
        field = ".".join(["configuration", CLASS_SCHEMA, *map(str, error["loc"])])
        raise ValidationProblem.of_field(field, error["msg"]) from exc
    for kind, values in (("id", [c.id for c in schema.classes]), ("name", [c.name for c in schema.classes])):
        if len(set(values)) != len(values):
            field = f"configuration.{CLASS_SCHEMA}.classes"
            raise ValidationProblem.of_field(field, f"each {kind} may be given to one class only.")
    return schema


def check_class_change(before: ClassSchema, after: ClassSchema) -> None:
    """Refuse what would change the meaning of exported class ids: moving one, or giving a used one away."""
    old_ids = {definition.name: definition.id for definition in before.classes}
    old_names = {definition.id: definition.name for definition in before.classes}
    for definition in after.classes:
        if old_ids.get(definition.name, definition.id) != definition.id:
            raise ConflictProblem(
                f"Class {definition.name!r} has the id {old_ids[definition.name]}; the id of a class never changes."
            )
        if definition.name not in old_ids and definition.id in old_names:
            raise ConflictProblem(
                f"Id {definition.id} belongs to class {old_names[definition.id]!r}; give {definition.name!r} a new id."
            )
    missing = set(old_ids) - {definition.name for definition in after.classes}
    if missing:
        raise ConflictProblem(f"Classes are added, not removed: {', '.join(sorted(missing))} must stay.")


def _collection_id(call: Call, body: ProjectCreate) -> int:
    if body.data_collection is not None:
        return _visible_collection(call, body.data_collection)
    return create_collection(call, DataCollectionCreate(name=body.name)).id


def _visible_collection(call: Call, collection_id: int) -> int:
    return int(read_row(call, collections.LISTING, collection_id).id)


def _change_collection(call: Call, project: Project, collection_id: int) -> None:
    if projects.has_tasks(call.session, project.id):
        raise ConflictProblem("The project has tasks; its data collection cannot be changed any more.")
    project.data_collection_id = _visible_collection(call, collection_id)
