"""Requests for an export bundle: checked completely before a job exists."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.exc import IntegrityError

from synapse_sdk.wire.bundle import ExportTarget
from synapse_sdk.wire.errors import FieldError
from synapse_sdk.wire.jobs import PluginExportRequest
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.models import AsyncJob, Role
from web_helper.backend.queries import async_jobs, export_projects
from web_helper.backend.queries.export_rows import EXPORT_SOURCES, select_target
from web_helper.backend.queries.filters import parse_value
from web_helper.backend.services.access import require_role
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.storages import storage_for

EXPORT_KIND = "export"
VERSION_FILTER = "ground_truth_dataset_version"


def request_export(call: Call, request: PluginExportRequest) -> AsyncJob:
    """The job that builds this bundle: a new one, or the one that an equal request with the same key has made.

    Raises:
        ValidationProblem: The filter is not one of the target's, or says nothing about where the rows are.
        PermissionProblem: The caller may not export from the project.
        ConflictProblem: The key was used for another export, or there is nowhere to put a bundle.
    """
    _check_filter(request)
    if request.target is ExportTarget.GROUND_TRUTH:
        project_id, document = _project_of_truths(call, request), dict(request.filter)
    else:
        project_id = _project_of_work(request)
        document = {**request.filter, "project": project_id}
    require_role(call, project_id, Role.MANAGER)
    params = {
        "target": request.target.value,
        "project": project_id,
        "filter": document,
        "options": request.options.model_dump(),
        "storage": storage_for(call, None).id,
    }
    key = f"{call.actor.user_id}:{request.idempotency_key}" if request.idempotency_key else None
    return _reuse_or_create(call, key, project_id, params)


def _reuse_or_create(call: Call, key: str | None, project_id: int, params: dict[str, Any]) -> AsyncJob:
    existing = async_jobs.find_by_key(call.session, key) if key else None
    if existing is None:
        job = AsyncJob(
            id=str(uuid.uuid4()),
            kind=EXPORT_KIND,
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
    if _wish(existing.params) != _wish(params):
        raise ConflictProblem("This idempotency key was used for another export; send a new key for a new one.")
    return existing


def _wish(params: dict[str, Any]) -> dict[str, Any]:
    """What the caller asked for; the storage was ours to choose."""
    return {name: value for name, value in params.items() if name != "storage"}


def _check_filter(request: PluginExportRequest) -> None:
    try:
        select_target(request.target, request.filter, viewer_id=None)
    except ValidationProblem as exc:
        details = [FieldError(field=f"filter.{item.field}", message=item.message) for item in exc.details or []]
        raise ValidationProblem(f"filter.{exc.message}", details) from exc


def _project_of_work(request: PluginExportRequest) -> int:
    named = _ids(request, "project")
    wanted = [request.project] if request.project is not None else named
    if len(wanted) != 1:
        raise ValidationProblem.of_field("project", f"the target {request.target.value!r} needs exactly one project.")
    if named and named != wanted:
        raise ValidationProblem.of_field("filter.project", "names another project than `project` does; give it once.")
    return wanted[0]


def _project_of_truths(call: Call, request: PluginExportRequest) -> int:
    datasets = _ids(request, "dataset")
    versions = _ids(request, VERSION_FILTER) + _ids(request, f"{VERSION_FILTER}s")
    if not datasets and not versions:
        raise ValidationProblem.of_field(f"filter.{VERSION_FILTER}", "name a released version, or a dataset.")
    of_datasets = export_projects.projects_of_datasets(call.session, datasets)
    of_versions = export_projects.projects_of_versions(call.session, versions)
    _require_all("ground truth dataset", datasets, of_datasets)
    _require_all("ground truth dataset version", versions, of_versions)
    projects = {*of_datasets.values(), *of_versions.values()}
    if len(projects) > 1 or (request.project is not None and projects != {request.project}):
        raise ValidationProblem.of_field("filter", "datasets and versions must belong to one project, the one named.")
    return projects.pop()


def _require_all(noun: str, ids: list[int], found: dict[int, int]) -> None:
    for item in ids:
        if item not in found:
            raise NotFoundProblem.of(noun, item)


def _ids(request: PluginExportRequest, name: str) -> list[int]:
    """The ids that the (already checked) filter gives under this name."""
    value = request.filter.get(name)
    if value is None:
        return []
    ids: list[int] = parse_value(EXPORT_SOURCES[request.target].listing.filters[name], name, value)
    return ids
