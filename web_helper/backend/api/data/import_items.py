"""Importing annotated items into a project."""

from __future__ import annotations

from synapse_sdk.wire.imports import ImportOutcome, ImportRequest
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import Writing
from web_helper.backend.api.resource import create_router, envelope
from web_helper.backend.services.data import import_items as service

router = create_router("import_items")


@router.post("/projects/{project_id}/import_items/", operation_id="v1_import_items")
def import_items(call: Writing, project_id: int, body: ImportRequest) -> list[ImportOutcome]:
    """Add up to 200 annotated items, all or none; the same keys again add nothing."""
    return service.import_items(call, project_id, body)


@router.post("/v2/projects/{project_id}/import-items/", operation_id="v2_import_items")
def import_items_v2(call: Writing, project_id: int, body: ImportRequest) -> Envelope[list[ImportOutcome]]:
    """Add up to 200 annotated items, all or none; the same keys again add nothing."""
    outcomes = service.import_items(call, project_id, body)
    return Envelope[list[ImportOutcome]].model_validate(envelope(call, outcomes))
