"""Assignments and their reviews."""

from __future__ import annotations

from fastapi import Response

from synapse_sdk.wire.pages import Envelope
from synapse_sdk.wire.work import (
    AssignmentChange,
    AssignmentCreate,
    AssignmentDetail,
    AssignmentItem,
    AssignmentSummary,
    Review,
    ReviewRequest,
    SetTagsRequest,
    TagsSet,
)
from web_helper.backend.api.context import Signer, Writing
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.api.work.row_resource import RowResource
from web_helper.backend.queries.work.tasks import REVIEWS
from web_helper.backend.services.work import assignments as service
from web_helper.backend.services.work import rows
from web_helper.backend.services.work import tags as tag_service

_assignments = RowResource(rows.ASSIGNMENTS, AssignmentSummary, detail=AssignmentDetail, v1_item=AssignmentItem)
_assignments.listed()
_assignments.sdk_list()
_assignments.bulk("bulk-fetch")
_assignments.created(service.create_assignment, AssignmentCreate)
_assignments.read()
_assignments.changed(service.change_assignment, AssignmentChange)
_assignments.deleted(service.delete_assignment)

_reviews = Resource("reviews", REVIEWS, Review)
_reviews.listed()
_reviews.read()

router = _assignments.router
router.routes.extend(_reviews.router.routes)


@router.post("/assignments/{item_id}/review/", response_model=AssignmentItem)
def review_v1(call: Writing, signer: Signer, item_id: int, body: ReviewRequest) -> Response:
    """Approve or reject completed work."""
    return _assignments.answer(call, "v1", service.review_assignment(call, item_id, body).id, signer=signer)


@router.post("/v2/assignments/{item_id}/review/", response_model=Envelope[AssignmentDetail])
def review_v2(call: Writing, signer: Signer, item_id: int, body: ReviewRequest) -> Response:
    """Approve or reject completed work."""
    return _assignments.answer(call, "v2", service.review_assignment(call, item_id, body).id, signer=signer)


@router.post("/v2/assignments/set-tags/", response_model=Envelope[TagsSet])
def set_tags_v2(call: Writing, body: SetTagsRequest) -> object:
    """Add, remove or replace tags of assignments."""
    return envelope(call, {"count": tag_service.set_assignment_tags(call, body)})


@router.post("/assignments/set_tags/")
def set_tags_v1(call: Writing, body: SetTagsRequest) -> TagsSet:
    """Add, remove or replace tags of assignments."""
    return TagsSet(count=tag_service.set_assignment_tags(call, body))
