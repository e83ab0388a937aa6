"""Structured events of runs: v1 at `/logs/`, v2 at `/v2/job-logs/`. One entry or a list is taken in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from synapse_sdk.wire.pages import Envelope
from synapse_sdk.wire.plugins import MAX_LOGS_PER_REQUEST, JobLog, JobLogCreate, LogsAdded
from web_helper.backend.api.context import Writing
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.queries.plugins import job_logs as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.plugins import job_logs as service

Entries = Annotated[list[JobLogCreate], Field(min_length=1, max_length=MAX_LOGS_PER_REQUEST)]


def _register(resource: Resource) -> Resource:
    resource.listed()
    resource.read()
    return resource


router = _register(Resource("job_logs", queries.LISTING, JobLog, has_v1=False)).router
router.routes.extend(_register(Resource("logs", queries.LISTING, JobLog, has_v2=False)).router.routes)


def _add(call: Call, body: JobLogCreate | list[JobLogCreate]) -> LogsAdded:
    return service.add_logs(call, body if isinstance(body, list) else [body])


@router.post("/logs/", status_code=HTTPStatus.CREATED, operation_id="v1_logs_create")
def add_logs(call: Writing, body: JobLogCreate | Entries) -> LogsAdded:
    """Add one entry, or up to 1,000; entries whose uid is known are ignored."""
    return _add(call, body)


@router.post("/v2/job-logs/", status_code=HTTPStatus.CREATED, operation_id="v2_job_logs_create")
def add_logs_v2(call: Writing, body: JobLogCreate | Entries) -> Envelope[LogsAdded]:
    """Add one entry, or up to 1,000; entries whose uid is known are ignored."""
    return Envelope[LogsAdded].model_validate(envelope(call, _add(call, body)))
