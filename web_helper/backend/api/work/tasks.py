"""Tasks and their tags."""

from __future__ import annotations

from typing import Any

import msgspec

from synapse_sdk.wire.pages import Envelope
from synapse_sdk.wire.work import (
    AnnotateTaskRequest,
    SetTagsRequest,
    Tag,
    TagChange,
    TagCreate,
    TagsSet,
    TaskChange,
    TaskCreate,
    TaskDetail,
    TaskSummary,
)
from web_helper.backend.api.context import Writing
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.models import Task
from web_helper.backend.queries.work import projects as project_queries
from web_helper.backend.queries.work import tasks as queries
from web_helper.backend.services.work import tags as tag_service
from web_helper.backend.services.work import tasks as service


def _task_detail(task: Task) -> dict[str, Any]:
    summary = {name: getattr(task, name) for name in TaskSummary.model_fields}
    data = None if task.data is None else msgspec.json.decode(task.data)
    return {**summary, "data": data, "meta": task.meta, "tags": [tag.name for tag in task.tags]}


_tasks = Resource("tasks", queries.TASKS, TaskSummary, detail=TaskDetail, shape=_task_detail, has_v1=False)
_tasks.listed()
_tasks.created(service.create_task, TaskCreate)
_tasks.read(service.read_task)
_tasks.changed(service.change_task, TaskChange)
_tasks.deleted(service.delete_task)

_tags = Resource("task_tags", project_queries.TAGS, Tag)
_tags.listed()
_tags.created(tag_service.create_tag, TagCreate)
_tags.read()
_tags.changed(tag_service.change_tag, TagChange)
_tags.deleted(tag_service.delete_tag)

router = _tasks.router
router.include_router(_tags.router)


@router.put("/v2/tasks/{item_id}/annotate/")
def annotate_v2(call: Writing, item_id: int, body: AnnotateTaskRequest) -> Envelope[TaskDetail]:
    """Take a task's annotations and mark it completed."""
    return Envelope.model_validate(envelope(call, _task_detail(service.annotate_task(call, item_id, body))))


@router.post("/v2/tasks/set-tags/")
def set_tags_v2(call: Writing, body: SetTagsRequest) -> Envelope[TagsSet]:
    """Add, remove or replace tags of tasks."""
    return Envelope.model_validate(envelope(call, {"count": tag_service.set_task_tags(call, body)}))


@router.post("/tasks/set_tags/")
def set_tags_v1(call: Writing, body: SetTagsRequest) -> TagsSet:
    """Add, remove or replace tags of tasks."""
    return TagsSet(count=tag_service.set_task_tags(call, body))
