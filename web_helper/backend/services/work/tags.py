"""Tags of a project, and putting them on tasks and assignments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synapse_sdk.wire.work import SetTagsRequest, TagAction, TagChange, TagCreate
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.models import Assignment, Role, Tag, Task
from web_helper.backend.queries.work import projects, tasks
from web_helper.backend.services.access import has_role, require_role
from web_helper.backend.services.call import Call


def create_tag(call: Call, body: TagCreate) -> Tag:
    """Add a tag to a project."""
    require_role(call, body.project, Role.MANAGER)
    _refuse_taken_name(call, body.project, body.name)
    tag = Tag(project_id=body.project, name=body.name)
    call.session.add(tag)
    call.session.flush()
    return tag


def change_tag(call: Call, tag_id: int, body: TagChange) -> Tag:
    """Rename a tag; everything that carries it follows."""
    tag = _find_tag(call, tag_id)
    if body.name != tag.name:
        _refuse_taken_name(call, tag.project_id, body.name)
        tag.name = body.name
    call.session.flush()
    return tag


def delete_tag(call: Call, tag_id: int) -> None:
    """Remove a tag from the project and from everything that carries it."""
    call.session.delete(_find_tag(call, tag_id))


def ensure_tags(call: Call, project_id: int, names: Sequence[str]) -> list[Tag]:
    """The project's tags of these names, in their order; missing ones are made."""
    known = projects.tags_by_name(call.session, project_id, names)
    for name in dict.fromkeys(names):
        if "," in name:
            raise ValidationProblem.of_field("tags", f"{name!r} holds a comma, which separates tags in filters.")
        if name not in known:
            known[name] = Tag(project_id=project_id, name=name)
            call.session.add(known[name])
    call.session.flush()
    return [known[name] for name in dict.fromkeys(names)]


def set_task_tags(call: Call, body: SetTagsRequest) -> int:
    """Change the tags of tasks."""
    return _set_tags(call, Task, body)


def set_assignment_tags(call: Call, body: SetTagsRequest) -> int:
    """Change the tags of assignments."""
    return _set_tags(call, Assignment, body)


def _set_tags(call: Call, entity: Any, body: SetTagsRequest) -> int:
    rows = tasks.work_of_ids(call.session, entity, body.ids)
    visible = [row for row in rows if has_role(call, row.project_id, Role.VIEWER)]
    missing = set(body.ids) - {row.id for row in visible}
    if missing:
        raise NotFoundProblem(f"No {entity.__tablename__} with these ids: {', '.join(map(str, sorted(missing)))}.")
    for project_id in sorted({row.project_id for row in visible}):
        require_role(call, project_id, Role.MANAGER)
        chosen = _tags_of_request(call, project_id, body.tags)
        for row in (row for row in visible if row.project_id == project_id):
            row.tags = _changed_tags(row.tags, chosen, body.action)
    call.session.flush()
    return len(visible)


def _tags_of_request(call: Call, project_id: int, wanted: Sequence[int | str]) -> list[Tag]:
    chosen = ensure_tags(call, project_id, [name for name in wanted if isinstance(name, str)])
    for tag_id in (item for item in wanted if isinstance(item, int)):
        tag = call.session.get(Tag, tag_id)
        if tag is None or tag.project_id != project_id:
            raise NotFoundProblem(f"Project {project_id} has no tag {tag_id}.")
        chosen.append(tag)
    return chosen


def _changed_tags(before: Sequence[Tag], chosen: Sequence[Tag], action: TagAction) -> list[Tag]:
    if action is TagAction.REMOVE:
        return [tag for tag in before if tag not in chosen]
    kept = list(before) if action is TagAction.ADD else []
    return kept + [tag for tag in dict.fromkeys(chosen) if tag not in kept]


def _find_tag(call: Call, tag_id: int) -> Tag:
    tag = call.session.get(Tag, tag_id)
    if tag is None or not has_role(call, tag.project_id, Role.VIEWER):
        raise NotFoundProblem.of("tag", tag_id)
    require_role(call, tag.project_id, Role.MANAGER)
    return tag


def _refuse_taken_name(call: Call, project_id: int, name: str) -> None:
    if projects.tags_by_name(call.session, project_id, [name]):
        raise ConflictProblem(f"Project {project_id} has a tag {name!r} already.")
