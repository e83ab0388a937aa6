"""Asking for an export bundle."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from synapse_sdk.wire.jobs import AsyncJobStatus, JobAccepted, PluginExportRequest
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import Writing
from web_helper.backend.api.resource import create_router, envelope
from web_helper.backend.services.exports import plugin_exports as service

router = create_router("plugin_exports")


@router.post("/v2/plugin-exports/", status_code=HTTPStatus.ACCEPTED, response_model=Envelope[JobAccepted])
def create_plugin_export(call: Writing, body: PluginExportRequest) -> Any:
    """Have the server write a bundle of the selected rows; equal idempotency keys make one job."""
    job = service.request_export(call, body)
    accepted = JobAccepted(job_id=job.id, status=AsyncJobStatus(job.status), status_url=f"/v2/async-jobs/{job.id}/")
    return envelope(call, accepted)
