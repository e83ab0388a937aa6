"""Snapshots: each released version of ground truth has one bundle, made once and then only downloaded.

A snapshot is an export job that the release itself asks for, in the same transaction: no version is without one. The
worker finds the row and builds it like any other bundle. A version never changes, so its bundle never has to.
"""

from __future__ import annotations

import uuid

from synapse_sdk.exceptions import StorageError
from synapse_sdk.wire.bundle import MANIFEST_NAME, ExportTarget
from synapse_sdk.wire.jobs import AsyncJobStatus, ExportOptions
from web_helper.backend.core.event_log import log_event, log_failure
from web_helper.backend.models import AsyncJob, GroundTruthDataset, GroundTruthDatasetVersion, JobKind, Storage
from web_helper.backend.queries import async_jobs
from web_helper.backend.queries.data import storages
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.storages import open_root
from web_helper.backend.services.exports.export_wish import VERSION_FILTER, ExportWish
from web_helper.backend.services.exports.retention import is_kept

SNAPSHOT_LOST = "The snapshot's files are gone from their storage."


def begin_snapshot(call: Call, dataset: GroundTruthDataset, version: GroundTruthDatasetVersion) -> None:
    """Have the worker make the bundle of a version that has just been released."""
    storage = storages.default_storage(call.session)
    if storage is None:
        # A release is more than its bundle: later exports of the version make their own.
        log_event("snapshot_without_storage", version=version.id)
        return
    params = {
        "target": ExportTarget.GROUND_TRUTH.value,
        "project": dataset.project_id,
        "filter": {VERSION_FILTER: version.id},
        "options": ExportOptions(include_files=True).model_dump(exclude_none=True),
        "storage": storage.id,
    }
    job = AsyncJob(
        id=str(uuid.uuid4()),
        kind=JobKind.SNAPSHOT,
        user_id=call.actor.user_id,
        project_id=dataset.project_id,
        idempotency_key=_key_of(version.id),
        params=params,
    )
    call.session.add(job)
    call.session.flush()


def find_snapshot(call: Call, wish: ExportWish) -> AsyncJob | None:
    """The finished snapshot that is just what somebody (who may) wants to export."""
    version = _only_version(wish)
    job = async_jobs.find_by_key(call.session, _key_of(version)) if version is not None else None
    if job is None or job.status != AsyncJobStatus.SUCCEEDED or not is_kept(job, call.settings):
        return None
    if _has_manifest(call, job):
        return job
    async_jobs.forget_bundle(call.session, job.id, SNAPSHOT_LOST)
    log_event("snapshot_lost", job_id=job.id, version=version)
    return None


def _key_of(version_id: int) -> str:
    # People's keys begin with the number of their user: this cannot be one.
    return f"snapshot:{version_id}"


def _only_version(wish: ExportWish) -> int | None:
    names = {VERSION_FILTER, f"{VERSION_FILTER}s"}
    given = {name for name, value in wish.filter.items() if value is not None}
    if wish.target is not ExportTarget.GROUND_TRUTH or not given <= names:
        return None
    versions = [version for name in given for version in wish.ids(name)]
    return versions[0] if len(versions) == 1 else None


def _has_manifest(call: Call, job: AsyncJob) -> bool:
    location = job.result or {}
    storage = call.session.get(Storage, location["storage"])
    if storage is None:
        return False
    try:
        return bool((open_root(storage) / location["prefix"] / MANIFEST_NAME).is_file())
    except (StorageError, OSError) as exc:
        log_failure("snapshot_not_found", exc, job_id=job.id)
        return False
