"""Jobs: plugin runs, and the server's own durable jobs with their progress events (architecture, decision 5)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from synapse_sdk.wire.bundle import BundleManifest, ExportTarget
from synapse_sdk.wire.dataset_exports import DatasetArchive, StepProgress


class JobStatus(StrEnum):
    """States of a plugin run. Lower case in the SDK and in v1, upper case in v2; compared without case."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPED = "stopped"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> JobStatus | None:
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


class AsyncJobStatus(StrEnum):
    """States of a durable server job."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self in {AsyncJobStatus.SUCCEEDED, AsyncJobStatus.FAILED, AsyncJobStatus.CANCELLED}


class ExportOptions(BaseModel):
    """How the server builds a bundle."""

    model_config = ConfigDict(extra="forbid")

    include_files: bool = Field(True, description="Put the original files into the bundle, or only refer to them.")
    since: str | None = Field(
        None,
        max_length=100,
        description="The `snapshot` of an earlier bundle of the same target, project and filter: what changed since.",
    )


class PluginExportRequest(BaseModel):
    """Body of `POST /v2/plugin-exports/`."""

    model_config = ConfigDict(extra="forbid")

    target: ExportTarget
    project: int | None = Field(None, description="Needed for task and assignment.")
    filter: dict[str, JsonValue] = {}
    options: ExportOptions = ExportOptions()
    idempotency_key: str | None = Field(None, max_length=200, description="Equal keys give one job.")


class JobAccepted(BaseModel):
    """Answer (202) to a request that became a durable job."""

    job_id: str
    status: AsyncJobStatus
    status_url: str


class JobProgress(BaseModel):
    """How far a durable job is, in rows. `total` is None until it has been counted."""

    processed: int = 0
    total: int | None = None


class BundleLocation(BaseModel):
    """Where a finished bundle lies.

    Attributes:
        storage: Id of the storage that holds it.
        prefix: Path of the bundle inside that storage.
        base_url: Signed URL prefix: `base_url + path` fetches a file of the bundle until `expires_at`, without token.
    """

    storage: int
    prefix: str
    base_url: str
    expires_at: datetime
    manifest: BundleManifest


class AsyncJob(BaseModel):
    """A durable server job. `bundle` is set when an export succeeded, `error` when it failed.

    Attributes:
        steps: Of an export that the platform converts: the nine steps, and the packing of the archive.
        archive: Of such an export that succeeded.
        command: The same export from a command line.
    """

    job_id: str
    kind: str
    status: AsyncJobStatus
    progress: JobProgress
    params: dict[str, JsonValue] = {}
    bundle: BundleLocation | None = None
    steps: list[StepProgress] | None = None
    archive: DatasetArchive | None = None
    command: str | None = None
    error: str | None = None
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None


class ProgressEvent(BaseModel):
    """One server-sent event of `GET /v2/async-jobs/{id}/progress/`.

    Attributes:
        id: Value for `Last-Event-ID` when the stream is taken up again; ascends.
        event: `progress`, `completed`, `failed` or `cancelled`; the last three end the stream.
        rows_per_second: Since the job began; None before the first row.
        seconds_remaining: A linear guess; None before the first row and where the total is not known.
        steps: Of an export that the platform converts.
    """

    id: int
    event: str
    processed: int = 0
    total: int | None = None
    error: str | None = None
    rows_per_second: float | None = None
    seconds_remaining: float | None = None
    steps: list[StepProgress] | None = None
