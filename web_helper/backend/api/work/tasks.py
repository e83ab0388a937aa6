"""Tasks and their tags."""

from __future__ import annotations

from fastapi import Response

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
    TaskItem,
    TaskSummary,
)
from web_helper.backend.api.context import Signer, Writing
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.api.work.row_resource import V1_DETAIL, RowResource, file_url_of, json_answer
from web_helper.backend.queries.work.projects import TAGS
from web_helper.backend.services.work import rows
from web_helper.backend.services.work import tags as tag_service
from web_helper.backend.services.work import tasks as service

_tasks = RowResource(rows.TASKS, TaskSummary, detail=TaskDetail, v1_item=TaskItem)
_tasks.listed()
_tasks.sdk_list()
_tasks.bulk("bulk-fetch")
_tasks.created(service.create_task, TaskCreate, only="v2")
_tasks.read()
_tasks.changed(service.change_task, TaskChange)
_tasks.deleted(service.delete_task)

_tags = Resource("task_tags", TAGS, Tag)
_tags.listed()
_tags.created(tag_service.create_tag, TagCreate)
_tags.read()
_tags.changed(tag_service.change_tag, TagChange)
_tags.deleted(tag_service.delete_tag)

router = _tasks.router
router.routes.extend(_tags.router.routes)


@router.post("/tasks/", status_code=201, response_model=TaskItem | list[TaskItem])
def create_tasks_v1(call: Writing, signer: Signer, body: list[TaskCreate] | TaskCreate) -> Response:
    """Make one data unit, or up to 1000, the work of a project: all or none."""
    if isinstance(body, TaskCreate):
        return _tasks.answer(call, "v1", service.create_task(call, body).id, signer=signer, status=201)
    ids = service.create_tasks(call, body)
    items = rows.read_created(call, rows.TASKS, ids, shape=V1_DETAIL, url_of=file_url_of(signer))
    return json_answer(b"[%b]" % b",".join(items), 201)


@router.put("/tasks/{item_id}/annotate_task_data/", response_model=TaskItem)
def annotate_v1(call: Writing, signer: Signer, item_id: int, body: AnnotateTaskRequest) -> Response:
    """Take a task's annotations and mark it completed."""
    return _tasks.answer(call, "v1", service.annotate_task(call, item_id, body).id, signer=signer)


@router.put("/v2/tasks/{item_id}/annotate-task-data/", response_model=Envelope[TaskDetail])
def annotate_v2(call: Writing, signer: Signer, item_id: int, body: AnnotateTaskRequest) -> Response:
    """Take a task's annotations and mark it completed."""
    return _tasks.answer(call, "v2", service.annotate_task(call, item_id, body).id, signer=signer)


@router.post("/v2/tasks/set-tags/", response_model=Envelope[TagsSet])
def set_tags_v2(call: Writing, body: SetTagsRequest) -> object:
    """Add, remove or replace tags of tasks."""
    return envelope(call, {"count": tag_service.set_task_tags(call, body)})


@router.post("/tasks/set_tags/")
def set_tags_v1(call: Writing, body: SetTagsRequest) -> TagsSet:
    """Add, remove or replace tags of tasks."""
    return TagsSet(count=tag_service.set_task_tags(call, body))
