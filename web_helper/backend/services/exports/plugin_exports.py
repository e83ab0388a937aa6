"""Requests for an export bundle: checked completely before a job exists."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.exc import IntegrityError

from synapse_sdk.wire.jobs import PluginExportRequest
from web_helper.backend.core.problems import ConflictProblem
from web_helper.backend.models import AsyncJob, JobKind
from web_helper.backend.queries import async_jobs
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.storages import storage_for
from web_helper.backend.services.exports.export_marks import MarkedExport, read_since
from web_helper.backend.services.exports.export_wish import ExportWish, settle_wish
from web_helper.backend.services.exports.snapshots import find_snapshot


def request_export(call: Call, request: PluginExportRequest) -> AsyncJob:
    """The job that builds this bundle: a new one, or the one that an equal request with the same key has made.

    A released version as a whole has its bundle already, once its snapshot is made.

    Raises:
        ValidationProblem: The filter is not one of the target's, or says nothing about where the rows are; or the
            mark to count changes from is not one of this export.
        PermissionProblem: The caller may not export from the project.
        ConflictProblem: The key was used for another export, or there is nowhere to put a bundle.
    """
    wish = ExportWish(request.target, request.project, request.filter, where="filter.")
    project_id, document = settle_wish(call, wish)
    if request.options.since is not None:
        read_since(call.session, MarkedExport(request.target, project_id, document), request.options.since)
    params = {
        "target": request.target.value,
        "project": project_id,
        "filter": document,
        "options": request.options.model_dump(exclude_none=True),
        "storage": storage_for(call, None).id,
    }
    key = f"{call.actor.user_id}:{request.idempotency_key}" if request.idempotency_key else None
    has_job = key is not None and async_jobs.find_by_key(call.session, key) is not None
    if not has_job and request.options.since is None:
        snapshot = find_snapshot(call, wish)
        if snapshot is not None:
            return snapshot
    return reuse_or_create(call, key, project_id, params)


def reuse_or_create(
    call: Call, key: str | None, project_id: int, params: dict[str, Any], *, kind: JobKind = JobKind.EXPORT
) -> AsyncJob:
    """A new job, or the one that an equal request with the same key has made.

    Raises:
        ConflictProblem: The key was used for another export.
    """
    existing = async_jobs.find_by_key(call.session, key) if key else None
    if existing is None:
        job = AsyncJob(
            id=str(uuid.uuid4()),
            kind=kind,
            user_id=call.actor.user_id,
            project_id=project_id,
            idempotency_key=key,
            params=params,
        )
        try:
            # An equal request at the same moment waits here for the other's commit, and then finds its job.
            with call.session.begin_nested():
                call.session.add(job)
        except IntegrityError:
            existing = async_jobs.find_by_key(call.session, key) if key else None
            if existing is None:
                raise
        else:
            return job
    if existing.kind != kind or _asked(existing.params) != _asked(params):
        raise ConflictProblem("This idempotency key was used for another export; send a new key for a new one.")
    return existing


def _asked(params: dict[str, Any]) -> dict[str, Any]:
    """What the caller asked for; the storage was ours to choose."""
    return {name: value for name, value in params.items() if name != "storage"}
