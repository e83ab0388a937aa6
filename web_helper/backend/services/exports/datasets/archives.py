"""The finished archive of an export, as it is told to clients."""

from __future__ import annotations

from synapse_sdk.wire.dataset_exports import DatasetArchive
from web_helper.backend.core.settings import Settings
from web_helper.backend.core.signing import ObjectGrant, Operation, UrlSigner
from web_helper.backend.models import AsyncJob
from web_helper.backend.services.exports.retention import is_kept, kept_until, link_seconds


def show_archive(job: AsyncJob, signer: UrlSigner, settings: Settings) -> DatasetArchive | None:
    """The archive with a link that is signed anew each time; None when there is none, or its time is over."""
    if job.result is None or "archive" not in job.result or not is_kept(job, settings):
        return None
    facts = job.result["archive"]
    grant = ObjectGrant(
        job.result["storage"], f"{job.result['prefix']}/{facts['name']}", Operation.GET, file_name=facts["name"]
    )
    signed = signer.sign_object(grant, seconds=link_seconds(job, settings))
    return DatasetArchive(
        **facts,
        url=signed.url,
        expires_at=signed.expires_at,
        kept_until=kept_until(job, settings),
        report=job.result["report"],
    )
