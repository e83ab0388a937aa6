"""Hosts that run experiments, and the conflicts that they ask people about: `/api/devices`, `/api/notifications`.

Answers come in the envelope of `/api/components`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from synapse_sdk.wire.components import Hash, Sha256
from synapse_sdk.wire.work import Request

HEALTHY_SECONDS = 30
STALE_SECONDS = 60
MAX_JOBS_PER_DEVICE = 256
# Of a file that people are shown; a longer one is decided about by its hashes.
MAX_SHOWN_CHARACTERS = 1_000_000

Size = Annotated[int, Field(ge=0, lt=2**63)]
HOST_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
HostId = Annotated[str, StringConstraints(pattern=HOST_ID_PATTERN)]


class DeviceStatus(StrEnum):
    """How long ago a device was heard from: at most 30 s, at most 60 s, longer."""

    HEALTHY = "healthy"
    STALE = "stale"
    DISCONNECTED = "disconnected"


class DeviceEnrol(Request):
    """Body of `POST /api/devices`: a host joins. The same host again gets a new key, and the former works no more."""

    host_id: HostId


class DeviceEnrolled(BaseModel):
    """The answer to enrolling: the only one that holds the worker's key."""

    host_id: str
    token: str


class GpuReport(Request):
    """One GPU as a heartbeat tells it."""

    index: int = Field(ge=0, le=1_000)
    name: str = Field("", max_length=200)
    utilization_percent: float | None = None
    memory_used_bytes: Size | None = None
    memory_total_bytes: Size | None = None


class CodeVersion(Request):
    """What a worker runs from."""

    git_hash: str | None = Field(None, max_length=100)
    git_dirty: bool | None = None
    branch: str | None = Field(None, max_length=300)
    files_hash: str | None = Field(None, max_length=100)
    uv_lock_hash: str | None = Field(None, max_length=100)


class ActiveJob(Request):
    """A job that a worker holds."""

    uid: str = Field(max_length=200)
    attempt: int


class DeviceReport(BaseModel):
    """How a host is, and what it has.

    Attributes:
        slots: How many jobs the worker takes at once.
    """

    cpu_percent: float | None = None
    cpu_count: int | None = Field(None, ge=0, le=1_000_000)
    memory_used_bytes: Size | None = None
    memory_total_bytes: Size | None = None
    disk_used_bytes: Size | None = None
    disk_total_bytes: Size | None = None
    gpus: list[GpuReport] = Field([], max_length=64)
    torch_version: str | None = Field(None, max_length=100)
    cuda_version: str | None = Field(None, max_length=100)
    code_version: CodeVersion | None = None
    slots: int = Field(1, ge=0, le=MAX_JOBS_PER_DEVICE)


class Heartbeat(DeviceReport, Request):
    """Body of `POST /api/devices/heartbeat`.

    Attributes:
        active_jobs: Every job that it has taken and not completed. A running one that is missing has crashed.
    """

    host_id: HostId
    active_jobs: list[ActiveJob] = Field([], max_length=MAX_JOBS_PER_DEVICE)


class Resolution(StrEnum):
    """What shall become of a conflict."""

    USE_SERVER = "use_server"
    USE_LOCAL = "use_local"
    SKIP = "skip"


class ConflictAnswer(BaseModel):
    """A decision that a worker is to carry out, for as long as its file is still `local_sha256`."""

    id: int
    path: str
    resolution: Resolution
    local_sha256: str | None
    server_sha256: str | None


class HeartbeatAnswer(BaseModel):
    """What a worker shall do.

    Attributes:
        cancelled: Jobs of its list to end: they were cancelled, or are not this worker's any more.
        paused: Jobs of its list to hold still; one that is no longer here goes on.
        answers: Decisions about conflicts that it has not carried out yet.
    """

    cancelled: list[str]
    paused: list[str]
    answers: list[ConflictAnswer]


class JobRequest(Request):
    """Body of `POST /api/devices/{host_id}/jobs/next`.

    Attributes:
        active: Every job that the worker has taken and not completed. One that the server has assigned to it and that
            is missing here is given again: its answer was lost.
    """

    active: list[str] = Field([], max_length=MAX_JOBS_PER_DEVICE)


class Device(BaseModel):
    """A host that runs experiments.

    Attributes:
        report: What it told last; None when it was never heard.
    """

    host_id: str
    status: DeviceStatus
    last_seen_at: datetime | None
    report: DeviceReport | None
    active_jobs: list[str]
    created_at: datetime


class NotificationStatus(StrEnum):
    """How far a conflict is: nobody has answered, the worker has yet to carry it out, it has, it could not."""

    PENDING = "pending"
    ANSWERED = "answered"
    DONE = "done"
    FAILED = "failed"


class ConflictReport(Request):
    """Body of `POST /api/notifications`: a worker cannot tell which side wins. The same conflict again adds nothing.

    Attributes:
        local_content: The worker's text, so that people see what they decide about; None where it is no text.
    """

    path: str = Field(max_length=120)
    conflict_type: str = Field(max_length=32)
    local_sha256: Sha256 | None
    server_sha256: Sha256 | None
    local_hash: Hash | None = None
    server_hash: Hash | None = None
    message: str = Field("", max_length=2000)
    local_content: str | None = Field(None, max_length=MAX_SHOWN_CHARACTERS)


class Notification(BaseModel):
    """A conflict on a device, and what was decided about it."""

    id: int
    host_id: str
    path: str
    conflict_type: str
    local_hash: str | None
    server_hash: str | None
    local_sha256: str | None
    server_sha256: str | None
    message: str
    status: NotificationStatus
    resolution: Resolution | None
    answered_by: str | None
    outcome: str
    created_at: datetime
    answered_at: datetime | None


class NotificationDetail(Notification):
    """A conflict with both sides; None where there is no such side, or its text is not known."""

    local_content: str | None
    server_content: str | None


class NotificationAnswer(Request):
    """Body of `POST /api/notifications/{id}/answer`."""

    resolution: Resolution


class AnswerCarried(Request):
    """Body of `POST /api/notifications/{id}/carried`."""

    is_done: bool
    message: str = Field("", max_length=2000)
