"""What changed between two released versions of a data set."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from synapse_sdk.wire.ground_truth import VersionChange, VersionChangeKind, VersionDifference
from synapse_sdk.wire.pages import Envelope, Page
from web_helper.backend.api.context import Reading
from web_helper.backend.api.list_query import MAX_PER_PAGE
from web_helper.backend.api.resource import create_router, envelope
from web_helper.backend.services.work import version_changes as service

router = create_router("ground_truth_dataset_versions")

Since = Annotated[int, Query(description="Id of an older version of the same data set.")]


@router.get("/v2/ground-truth-dataset-versions/{item_id}/difference/", response_model=Envelope[VersionDifference])
def compare_versions(call: Reading, item_id: int, since: Since) -> Any:
    """How many data units were added, removed and changed since an older version, and annotations per class."""
    return envelope(call, service.compare_versions(call, item_id, since))


@router.get("/v2/ground-truth-dataset-versions/{item_id}/changes/", response_model=Page[VersionChange])
def list_changes(  # noqa: PLR0917 - the framework passes them by name.
    call: Reading,
    item_id: int,
    since: Since,
    kind: VersionChangeKind,
    cursor: Annotated[str | None, Query(description="From the page before; opaque.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PER_PAGE, description="Items per page.")] = 50,
) -> Any:
    """The data units that differ in one way from an older version, by cursor pages."""
    page = service.list_changes(call, item_id, since, kind=kind, cursor=cursor, per_page=limit)
    pagination = {"next_cursor": page.next_cursor, "previous_cursor": None, "per_page": limit}
    return {"data": page.items, "meta": {"request_id": call.request_id, "pagination": pagination}}
