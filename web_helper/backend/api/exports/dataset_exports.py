"""Exports that the platform converts: ask for one, look at what it would hold, go on with one that broke off."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from synapse_sdk.wire.dataset_exports import DatasetExportRequest, DatasetPreview
from synapse_sdk.wire.jobs import AsyncJobStatus, JobAccepted
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import Reading, Writing
from web_helper.backend.api.resource import create_router, envelope
from web_helper.backend.models import AsyncJob
from web_helper.backend.services.exports.datasets import requests

router = create_router("dataset_exports")


@router.post("/v2/dataset-exports/", status_code=HTTPStatus.ACCEPTED, response_model=Envelope[JobAccepted])
def create_dataset_export(call: Writing, body: DatasetExportRequest) -> Any:
    """Have the platform export a data set into an archive; equal idempotency keys make one job."""
    return envelope(call, _accepted(requests.request_dataset_export(call, body)))


@router.post("/v2/dataset-exports/preview/", response_model=Envelope[DatasetPreview])
def preview_dataset_export(call: Reading, body: DatasetExportRequest) -> Any:
    """How many items match, and what the first of them becomes in the format."""
    # It brings what converts, which nothing else here needs.
    from web_helper.backend.services.exports.datasets.preview import preview_export

    return envelope(call, preview_export(call, body))


@router.post(
    "/v2/dataset-exports/{job_id}/resume/", status_code=HTTPStatus.ACCEPTED, response_model=Envelope[JobAccepted]
)
def resume_dataset_export(call: Writing, job_id: str) -> Any:
    """Go on, in a new job, with an export that failed or was cancelled; rows that it had gathered are used again."""
    return envelope(call, _accepted(requests.resume_dataset_export(call, job_id)))


def _accepted(job: AsyncJob) -> JobAccepted:
    return JobAccepted(job_id=job.id, status=AsyncJobStatus(job.status), status_url=f"/v2/async-jobs/{job.id}/")
