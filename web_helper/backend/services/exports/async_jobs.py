"""Durable jobs as people see and stop them."""

from __future__ import annotations

from synapse_sdk.wire import jobs as wire
from synapse_sdk.wire.bundle import BundleManifest
from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.core.problems import ConflictProblem
from web_helper.backend.core.settings import Settings
from web_helper.backend.core.signing import Operation, UrlSigner
from web_helper.backend.models import AsyncJob, JobKind
from web_helper.backend.queries import async_jobs as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.exports.datasets.archives import show_archive
from web_helper.backend.services.exports.datasets.command import command_of
from web_helper.backend.services.exports.retention import is_kept, link_seconds
from web_helper.backend.services.lists import read_row


def read_job(call: Call, job_id: str) -> AsyncJob:
    """A job of a project from which the caller may export.

    Raises:
        NotFoundProblem: There is none, or it is not theirs to see.
    """
    job: AsyncJob = read_row(call, queries.LISTING, job_id)
    return job


def cancel_job(call: Call, job_id: str) -> AsyncJob:
    """Stop a job; cancelling twice is harmless.

    Raises:
        ConflictProblem: It has succeeded or failed already.
    """
    job = queries.request_cancel(call.session, read_job(call, job_id).id)
    if job is None or job.status in {AsyncJobStatus.SUCCEEDED, AsyncJobStatus.FAILED}:
        raise ConflictProblem(f"The job {job_id} has ended already and can no longer be cancelled.")
    return job


def show_job(job: AsyncJob, signer: UrlSigner, settings: Settings) -> wire.AsyncJob:
    """The job as it is told to clients; the way to its bundle is signed anew each time."""
    return wire.AsyncJob(
        job_id=job.id,
        kind=job.kind,
        status=AsyncJobStatus(job.status),
        progress=wire.JobProgress(processed=job.processed, total=job.total),
        params=job.params,
        bundle=_locate_bundle(job, signer, settings),
        steps=job.steps,
        archive=show_archive(job, signer, settings),
        command=command_of(job.params) if job.kind == JobKind.DATASET else None,
        error=job.error,
        created=job.created,
        started=job.started,
        finished=job.finished,
    )


def _locate_bundle(job: AsyncJob, signer: UrlSigner, settings: Settings) -> wire.BundleLocation | None:
    if job.result is None or "manifest" not in job.result or not is_kept(job, settings):
        return None
    storage, prefix = job.result["storage"], job.result["prefix"]
    signed = signer.sign_prefix(storage, prefix, Operation.GET, seconds=link_seconds(job, settings))
    return wire.BundleLocation(
        storage=storage,
        prefix=prefix,
        base_url=signed.url,
        expires_at=signed.expires_at,
        manifest=BundleManifest.model_validate(job.result["manifest"]),
    )
