"""The second head: the server gathers the rows into a bundle, and this process reads it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from synapse_sdk.exceptions import (
    BundleError,
    ClientError,
    ConfigurationError,
    ExportJobFailedError,
    NotFoundError,
    StorageError,
)
from synapse_sdk.plugins.actions.export.bundle import (
    BundleSource,
    HttpBundle,
    LocalBundle,
    load_manifest,
)
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.delta.kept_items import KeepingSource, KeptItems
from synapse_sdk.plugins.actions.export.delta.opened import DELETIONS_FILE
from synapse_sdk.plugins.actions.export.enums import ExportEvent, ExportProgressCategories
from synapse_sdk.plugins.actions.export.log_messages import ExportLogMessageCode
from synapse_sdk.plugins.actions.export.output.files import is_local, write_whole
from synapse_sdk.plugins.actions.export.sources.bulk import retry_policy
from synapse_sdk.plugins.actions.export.sources.bundle_items import BundleItems
from synapse_sdk.plugins.actions.export.steps.base import ExportStep, is_delegated
from synapse_sdk.plugins.actions.export.steps.preparation import (
    discard_output,
    open_target,
    prepare_exporter,
    prepare_output,
)
from synapse_sdk.plugins.steps import StepResult
from synapse_sdk.utils.storage import get_pathlib
from synapse_sdk.wire.bundle import MANIFEST_NAME, BundleManifest, ExportTarget
from synapse_sdk.wire.jobs import AsyncJob, AsyncJobStatus, BundleLocation, ProgressEvent

_STEP = ExportProgressCategories.SERVER_EXPORT


class DelegateEnqueueStep(ExportStep):
    """Starts the server's export job, or takes up the one to resume; one started here is undone by cancelling it."""

    step_name = "delegate_enqueue"
    weight = 0.05

    def can_skip(self, context: ExportContext) -> bool:
        return not is_delegated(context)

    def execute(self, context: ExportContext) -> StepResult:
        resumed = context.params.get("resume_job")
        context.job_id = _take_up(context, resumed) if resumed else None
        # Before the server gathers anything for a place that cannot take it.
        open_target(context)
        context.job_id = context.job_id or self._start(context)
        return StepResult(data={"job_id": context.job_id}, rollback_data={"job_id": context.job_id})

    def _start(self, context: ExportContext) -> str:
        decision = context.delegation_decision
        options: dict[str, Any] = {"include_files": bool(context.params.get("save_original_file", True))}
        if context.params.get("since"):
            options["since"] = context.params["since"]
        accepted = context.v2_client.plugin_exports.create(
            target=context.params["target"],
            project=decision.project_id if decision else None,
            filter=context.params.get("filter") or {},
            options=options,
            # One key per run: a repeated request starts no second job, a later run starts its own.
            idempotency_key=uuid4().hex,
        )
        context.log(ExportEvent.INFO, {"message": "export delegated to the server", "job_id": accepted.job_id})
        if context.params.get("since"):
            context.log_message(ExportLogMessageCode.EXPORT_CHANGES_DELEGATED, job_id=accepted.job_id)
        else:
            count = decision.count if decision and decision.count is not None else "?"
            context.log_message(ExportLogMessageCode.EXPORT_DELEGATED_TO_SERVER, count=count, job_id=accepted.job_id)
        return accepted.job_id

    def rollback(self, context: ExportContext, result: StepResult) -> None:  # noqa: ARG002 - the context knows.
        if context.job_id is not None and not context.is_resumable:
            # A job that has ended, or that the server forgot, needs no cancelling.
            with suppress(ClientError):
                context.v2_client.async_jobs.cancel(context.job_id)


class DelegateStreamProgressStep(ExportStep):
    """Passes the server's progress on until the job ends."""

    step_name = "delegate_stream_progress"
    weight = 0.15

    def can_skip(self, context: ExportContext) -> bool:
        return not is_delegated(context)

    def execute(self, context: ExportContext) -> StepResult:
        job_id = _job_id(context)
        total = context.delegation_decision.count if context.delegation_decision else None
        processed = 0
        for event in context.v2_client.async_jobs.stream_progress(job_id):
            processed, total = event.processed, event.total if event.total is not None else total
            if event.event in {"failed", "cancelled"}:
                context.set_metrics({"success": 0, "failed": total or 0}, _STEP)
                context.log(ExportEvent.FAILED, {"job_id": job_id, "error": event.error or event.event})
                raise ExportJobFailedError(_end_of(job_id, event))
            if total is not None:
                context.set_progress(min(processed, total), total, step=_STEP)
        context.set_metrics({"success": processed, "failed": 0}, _STEP)
        context.set_progress(processed, processed, step=_STEP)
        return StepResult(data={"processed": processed})


def _end_of(job_id: str, event: ProgressEvent) -> str:
    reason = f": {event.error.removesuffix('.')}" if event.error else ""
    return f"The server's export job {job_id} {'failed' if event.event == 'failed' else 'was cancelled'}{reason}."


class BundleReadStep(ExportStep):
    """Opens the finished bundle: checks its manifest, and makes items out of its lines when they are read."""

    step_name = "bundle_read"
    weight = 0.05

    def can_skip(self, context: ExportContext) -> bool:
        return not is_delegated(context)

    def execute(self, context: ExportContext) -> StepResult:
        job = context.v2_client.async_jobs.retrieve(_job_id(context))
        location = _location_of(job)
        reader = BundleReader(context, job.job_id, location)
        manifest = reader.load()
        context.total_count, context.snapshot, context.since = manifest.row_count, manifest.snapshot, manifest.since
        context.deleted_count = manifest.deletions.rows if manifest.deletions is not None else None
        prepare_output(context)
        context.results = reader.items(manifest)
        prepare_exporter(context, context.results, reader.refresh)
        context.log(
            ExportEvent.COMPLETED,
            {"message": "bundle complete on the server", "job_id": job.job_id, "count": manifest.row_count},
        )
        context.log_message(ExportLogMessageCode.EXPORT_DELEGATED_COMPLETED, count=manifest.row_count)
        if not manifest.row_count:
            is_delta = manifest.since is not None
            context.log_message(
                ExportLogMessageCode.EXPORT_NO_CHANGES if is_delta else ExportLogMessageCode.EXPORT_NO_RESULTS
            )
        return StepResult(data={"total_count": manifest.row_count})

    def rollback(self, context: ExportContext, result: StepResult) -> None:  # noqa: ARG002 - the context knows.
        discard_output(context)


class BundleReader:
    """One job's bundle, from this machine's disk when it is there, else over HTTP."""

    def __init__(self, context: ExportContext, job_id: str, location: BundleLocation) -> None:
        self._context = context
        self._job_id = job_id
        self._location = location
        self._source = self._open()

    def load(self) -> BundleManifest:
        """The manifest, checked.

        Raises:
            BundleError: It is missing or does not match.
        """
        target = ExportTarget(self._context.params["target"])
        return load_manifest(self._source, target, self._location.manifest, since=self._context.params.get("since"))

    def items(self, manifest: BundleManifest) -> BundleItems:
        """The items of the bundle's rows, each when it is asked for; what a delta takes away is written at once.

        Raises:
            BundleError: The delta's list cannot be read.
            OSError: The list cannot be written.
        """
        if not (self._context.params.get("keep_items") or manifest.since):
            return BundleItems(self._source, manifest)
        folder = Path(str(self._context.unique_export_path))
        if manifest.deletions is not None:
            with self._source.open_part(manifest.deletions) as lines:
                write_whole(folder / DELETIONS_FILE, lines)
        self._context.kept_items = KeptItems(folder)
        return BundleItems(KeepingSource(self._source, self._context.kept_items), manifest)

    def refresh(self, item_id: Any, file: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ARG002 - the url tells.
        """The file under a fresh link to the bundle; None when it is not the bundle's, or has no link."""
        if not isinstance(self._source, HttpBundle):
            return None
        url = self._source.renew_url(str(file.get("url") or ""))
        return {**file, "url": url} if url else None

    def _open(self) -> BundleSource:
        settings = self._context.settings
        return self._find_local() or HttpBundle(
            self._location.base_url,
            self._context.v2_client.anonymous,
            self._renew,
            timeout_seconds=settings.read_timeout_seconds,
            retry=retry_policy(settings),
        )

    def _renew(self) -> str:
        return _location_of(self._context.v2_client.async_jobs.retrieve(self._job_id)).base_url

    def _find_local(self) -> LocalBundle | None:
        """The bundle's folder, when the storage is a folder that this machine has."""
        if self._context.runtime_ctx.client is None:
            return None
        try:
            storage = self._context.runtime_ctx.client.get_storage(self._location.storage)
            folder = get_pathlib(storage, self._location.prefix)
        except (ClientError, StorageError):
            return None  # Not everyone may see a storage's settings; the signed links are for all.
        if not is_local(folder) or not Path(folder, MANIFEST_NAME).is_file():
            return None
        return LocalBundle(folder)


def _take_up(context: ExportContext, job_id: str) -> str:
    """Make sure that a job can still give this export its bundle, and go on with it."""
    try:
        job: AsyncJob = context.v2_client.async_jobs.retrieve(job_id)
    except NotFoundError as exc:
        raise ExportJobFailedError(f"The server has no export job {job_id} that you may see. Export again.") from exc
    if job.status in {AsyncJobStatus.FAILED, AsyncJobStatus.CANCELLED}:
        reason = f": {job.error.removesuffix('.')}" if job.error else ""
        raise ExportJobFailedError(f"The server's export job {job_id} is {job.status}{reason}. Export again.")
    if job.status is AsyncJobStatus.SUCCEEDED and job.bundle is None:
        raise ExportJobFailedError(f"The bundle of the server's export job {job_id} has expired. Export again.")
    _refuse_other_export(context, job)
    context.is_resumable = True
    context.log_message(ExportLogMessageCode.EXPORT_RESUMED, job_id=job_id)
    return job_id


def _refuse_other_export(context: ExportContext, job: AsyncJob) -> None:
    asked = dict(context.params.get("filter") or {})
    if "project" in asked:
        # The server writes a number, whatever the request had.
        asked["project"] = context.project_id
    if [job.params.get("target"), job.params.get("filter")] != [str(context.params["target"]), asked]:
        raise ConfigurationError(f"The server's job {job.job_id} exports something else than these parameters say.")


def _location_of(job: AsyncJob) -> BundleLocation:
    if job.bundle is None:
        raise BundleError(f"The server's export job {job.job_id} is {job.status} and has no bundle. Export again.")
    return job.bundle


def _job_id(context: ExportContext) -> str:
    if context.job_id is None:
        raise ExportJobFailedError("No export job was started on the server.")
    return context.job_id
