"""Served models: v1 and v2, and what their agents report."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from synapse_sdk.wire.serve import ServeApplication, ServeApplicationCreate, ServeReport, ServeReportAnswer
from web_helper.backend.api.context import database_of
from web_helper.backend.api.plugins.agent_runs import AgentKey
from web_helper.backend.api.resource import Resource
from web_helper.backend.queries.plugins import serve_applications as queries
from web_helper.backend.services.plugins import serve_applications as service
from web_helper.backend.services.plugins.agent_runs import find_agent


def _present(_call: Any, row: Any) -> ServeApplication:
    return service.show(row)


_applications = Resource("serve_applications", queries.LISTING, ServeApplication, present=_present)
_applications.listed()
_applications.created(service.create_application, ServeApplicationCreate)
_applications.read()
_applications.deleted(service.delete_application)
router = _applications.router


@router.post("/serve_applications/report/", operation_id="v1_serve_applications_report")
def report_applications(request: Request, key: AgentKey, body: ServeReport) -> ServeReportAnswer:
    """Everything that the agent of this key (header `SYNAPSE-Agent`) serves; the answer names what it shall delete."""
    with database_of(request).write() as session:
        return service.note_report(session, find_agent(session, key), body)
