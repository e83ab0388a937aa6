"""The task editor: a task's annotations with their revision, saving against it, accepting and rejecting."""

from __future__ import annotations

from typing import Any

from synapse_sdk.wire.labelling import (
    DiscardedSet,
    ReviewTaskRequest,
    SaveAnnotationsRequest,
    SetDiscardedRequest,
    TaskAnnotations,
)
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import Reading, Writing
from web_helper.backend.api.labelling.thumbnails import thumbnail_path
from web_helper.backend.api.resource import create_router, envelope
from web_helper.backend.services.call import Call
from web_helper.backend.services.labelling import annotations as service
from web_helper.backend.services.labelling.thumbnails import SIZES

router = create_router("tasks")


def _answer(call: Call, found: dict[str, Any]) -> Envelope[TaskAnnotations]:
    file_id = found.pop("file_id")
    pictures = {
        "image": f"/v2/data-files/{file_id}/content/" if file_id else None,
        "preview": thumbnail_path(file_id, SIZES[-1]) if file_id else None,
    }
    return Envelope[TaskAnnotations].model_validate(envelope(call, found | pictures))


@router.get("/v2/tasks/{item_id}/annotations/", operation_id="v2_tasks_annotations_read")
def read_annotations(call: Reading, item_id: int) -> Envelope[TaskAnnotations]:
    """A task's annotations, their revision, who changed them, and the pre-annotation they began with."""
    return _answer(call, service.read_annotations(call, item_id))


@router.put("/v2/tasks/{item_id}/annotations/", operation_id="v2_tasks_annotations_save")
def save_annotations(call: Writing, item_id: int, body: SaveAnnotationsRequest) -> Envelope[TaskAnnotations]:
    """Save annotations over the revision that was read; 409 says who has changed them meanwhile, and when."""
    return _answer(call, service.save_annotations(call, item_id, body))


@router.post("/v2/tasks/{item_id}/review/", operation_id="v2_tasks_review")
def review_task(call: Writing, item_id: int, body: ReviewTaskRequest) -> Envelope[TaskAnnotations]:
    """Approve a task's annotations, which completes it, or reject them, which puts it back to work."""
    return _answer(call, service.review_task(call, item_id, body))


@router.post("/v2/tasks/set-discarded/", operation_id="v2_tasks_set_discarded")
def set_discarded(call: Writing, body: SetDiscardedRequest) -> Envelope[DiscardedSet]:
    """Take up to 1000 tasks out of the work, or back into it: all or none."""
    count = service.set_discarded(call, body)
    return Envelope[DiscardedSet].model_validate(envelope(call, {"count": count}))
