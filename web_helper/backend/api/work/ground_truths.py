"""Ground truth data sets, versions, truths and events."""

from __future__ import annotations

import time
from typing import Any

from fastapi import Request

from synapse_sdk.wire.ground_truth import (
    CollectOutcome,
    CollectRequest,
    GroundTruthChange,
    GroundTruthCreate,
    GroundTruthDataset,
    GroundTruthDatasetChange,
    GroundTruthDatasetCreate,
    GroundTruthDatasetVersion,
    GroundTruthDetail,
    GroundTruthEventDetail,
    GroundTruthEventItem,
    GroundTruthEventSummary,
    GroundTruthItem,
    GroundTruthSummary,
    ReleaseRequest,
)
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import Writing, WritingActor, begin_call, database_of
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.api.work.row_resource import RowResource
from web_helper.backend.core.database import YIELD_SECONDS
from web_helper.backend.queries.work.ground_truths import DATASETS, VERSIONS
from web_helper.backend.services.call import Actor
from web_helper.backend.services.work import ground_truths as service
from web_helper.backend.services.work import rows

_datasets = Resource("ground_truth_datasets", DATASETS, GroundTruthDataset)
_datasets.listed()
_datasets.created(service.create_dataset, GroundTruthDatasetCreate)
_datasets.read()
_datasets.changed(service.change_dataset, GroundTruthDatasetChange)
_datasets.deleted(service.delete_dataset)

_versions = Resource("ground_truth_dataset_versions", VERSIONS, GroundTruthDatasetVersion)
_versions.listed()
_versions.read()

_truths = RowResource(rows.TRUTHS, GroundTruthSummary, detail=GroundTruthDetail, v1_item=GroundTruthItem)
_truths.listed()
_truths.bulk("bulk-data")
_truths.created(service.create_truth, GroundTruthCreate)
_truths.read()
_truths.changed(service.change_truth, GroundTruthChange)
_truths.deleted(service.delete_truth)

_events = RowResource(rows.EVENTS, GroundTruthEventSummary, detail=GroundTruthEventDetail, v1_item=GroundTruthEventItem)
_events.listed()
_events.sdk_list()
_events.bulk("bulk-data")
_events.read()

router = _datasets.router
for _resource in (_versions, _truths, _events):
    router.routes.extend(_resource.router.routes)


@router.post("/ground_truth_datasets/{item_id}/collect/", response_model=CollectOutcome)
def collect_v1(request: Request, actor: WritingActor, item_id: int, body: CollectRequest) -> object:
    """Copy completed assignments of the data set's project into it."""
    return _collect(request, actor, item_id, body)


@router.post("/v2/ground-truth-datasets/{item_id}/collect/", response_model=Envelope[CollectOutcome])
def collect_v2(request: Request, actor: WritingActor, item_id: int, body: CollectRequest) -> Any:
    """Copy completed assignments of the data set's project into it."""
    return {"data": _collect(request, actor, item_id, body), "meta": {"request_id": request.state.request_id}}


def _collect(request: Request, actor: Actor, dataset_id: int, body: CollectRequest) -> CollectOutcome:
    """In many short transactions: in one, others would wait to write for as long as it takes."""
    so_far = service.NOTHING_COLLECTED
    while True:
        with begin_call(request, actor, database_of(request).write()) as call:
            so_far = service.collect_some(call, dataset_id, body, so_far)
        if so_far.after is None:
            return so_far.outcome
        time.sleep(YIELD_SECONDS)


@router.post("/ground_truth_datasets/{item_id}/versions/", status_code=201, response_model=GroundTruthDatasetVersion)
def release_v1(call: Writing, item_id: int, body: ReleaseRequest) -> object:
    """Fix the data set's present state as a version that never changes."""
    return service.release(call, item_id, body)


@router.post(
    "/v2/ground-truth-datasets/{item_id}/versions/",
    status_code=201,
    response_model=Envelope[GroundTruthDatasetVersion],
)
def release_v2(call: Writing, item_id: int, body: ReleaseRequest) -> Any:
    """Fix the data set's present state as a version that never changes."""
    return envelope(call, service.release(call, item_id, body))
