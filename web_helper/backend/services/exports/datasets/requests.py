"""Requests for exports that the platform converts: checked completely before a job exists, in the words of the form."""

from __future__ import annotations

from typing import Any, cast

from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from synapse_sdk.exceptions import FormatError
from synapse_sdk.wire.bundle import ExportTarget
from synapse_sdk.wire.dataset_exports import DatasetExportRequest
from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.core.settings import Settings
from web_helper.backend.models import AsyncJob, JobKind, Project
from web_helper.backend.queries import async_jobs
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.storages import storage_for
from web_helper.backend.services.exports.async_jobs import read_job
from web_helper.backend.services.exports.export_wish import ExportWish, settle_wish
from web_helper.backend.services.exports.plugin_exports import reuse_or_create
from web_helper.backend.services.exports.retention import is_kept

# What the SDK's action takes under the same names.
_OF_ACTION = ("name", "target", "filter", "format", "options", "split", "shard_items", "strict")
_UNFIT_IN_NAME = str.maketrans(dict.fromkeys('\\/:*?"<>|', " "))


def request_dataset_export(call: Call, body: DatasetExportRequest) -> AsyncJob:
    """The job that exports this data set: a new one, or the one that an equal request with the same key has made.

    Raises:
        ValidationProblem: A field cannot be what it is.
        PermissionProblem: The caller may not export from the project.
        ConflictProblem: The key was used for another export, or there is nowhere to put an archive.
    """
    params = settle_request(call, body)
    key = f"{call.actor.user_id}:{body.idempotency_key}" if body.idempotency_key else None
    return reuse_or_create(call, key, params["project"], params, kind=JobKind.DATASET)


def settle_request(call: Call, body: DatasetExportRequest) -> dict[str, Any]:
    """What a job keeps of a request: complete, and enough to ask for the same again.

    Raises:
        ValidationProblem: A field cannot be what it is.
        PermissionProblem: The caller may not export from the project.
    """
    project_id, document = settle_wish(call, ExportWish(body.target, body.project, body.filter, where="filter."))
    _check_format(body)
    project = call.session.get_one(Project, project_id)
    if "class_schema" not in (project.configuration or {}):
        raise ValidationProblem.of_field("project", "has no class schema; add its classes first.")
    asked = body.model_dump(mode="json", exclude={"idempotency_key", "project", "filter", "storage", "name"})
    return {
        **asked,
        "name": body.name or _name_for(project.name, body.format),
        "project": project_id,
        "filter": document,
        "storage": _storage_of(call, body),
    }


def resume_dataset_export(call: Call, job_id: str) -> AsyncJob:
    """A new job that goes on with what one that broke off has gathered.

    Raises:
        NotFoundProblem: There is no such job, or it is not the caller's to see.
        ConflictProblem: It is no such export, it still runs, or it has succeeded.
    """
    broken = read_job(call, job_id)
    if broken.kind != JobKind.DATASET or broken.status not in {AsyncJobStatus.FAILED, AsyncJobStatus.CANCELLED}:
        raise ConflictProblem(f"The job {job_id} is no export that broke off; there is nothing to resume.")
    params = {**broken.params, "resumes": broken.id}
    job = reuse_or_create(call, None, cast("int", broken.project_id), params, kind=JobKind.DATASET)
    job.bundle_job_id = broken.bundle_job_id
    return job


def usable_bundle(session: Session, bundle_job_id: str | None, settings: Settings) -> str | None:
    """The job of a bundle that an export can still take; None when it has to ask for a new one."""
    job = async_jobs.find_job(session, bundle_job_id) if bundle_job_id is not None else None
    if job is None:
        return None
    if job.status == AsyncJobStatus.SUCCEEDED:
        return job.id if is_kept(job, settings) else None
    return job.id if job.status in {AsyncJobStatus.QUEUED, AsyncJobStatus.RUNNING} else None


def action_params(params: dict[str, Any], *, resume_job: str | None) -> dict[str, Any]:
    """A job's parameters as those of the SDK's export action."""
    chosen = {name: params.get(name) for name in _OF_ACTION}
    extra = {"project_id": params["project"]} if params["target"] == ExportTarget.GROUND_TRUTH else {}
    return {**chosen, "images": params["images"], "extra_params": extra, "resume_job": resume_job}


def _check_format(body: DatasetExportRequest) -> None:
    # What converts takes 3 to 5 MB of each process that loads it: workers, whose children convert, never do.
    from synapse_sdk.plugins.actions.export.formats.params import parse_writer_options
    from synapse_sdk.plugins.actions.export.formats.target import SHARDABLE
    from synapse_sdk.utils.converters import Format, check_ratios

    fmt = Format(body.format)
    try:
        parse_writer_options(fmt, body.options)
    except PydanticCustomError as exc:
        raise ValidationProblem.of_field("options", exc.message()) from exc
    if body.shard_items is not None and fmt not in SHARDABLE:
        raise ValidationProblem.of_field(
            "shard_items", f"is for yolo and voc; {fmt} has few annotation files as it is."
        )
    if isinstance(body.split, dict):
        try:
            check_ratios(body.split)
        except FormatError as exc:
            raise ValidationProblem.of_field("split", str(exc)) from exc
        if any(not name.isidentifier() for name in body.split):
            raise ValidationProblem.of_field("split", "names of splits are single words, such as train.")


def _storage_of(call: Call, body: DatasetExportRequest) -> int:
    try:
        return storage_for(call, body.storage).id
    except NotFoundProblem as exc:
        raise ValidationProblem.of_field("storage", exc.message) from exc


def _name_for(project: str, fmt: str) -> str:
    words = project.translate(_UNFIT_IN_NAME).strip(" .")
    allowed = "".join(letter for letter in words if letter.isalnum() or letter in "_ .()-")
    return f"{allowed.lstrip(' .()-')[:80] or 'export'}-{fmt}"
