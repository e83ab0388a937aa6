"""Experiments: `/api/experiments`, in the envelope of `/api/components`.

What a worker sends may be sent again: it is taken once. A worker with another attempt than the server's is told so
with 409, and must end that run.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Base64Bytes, BaseModel, Field, JsonValue, StringConstraints

from synapse_sdk.wire.components import ACTIVE, Alias, Hash, Sha256
from synapse_sdk.wire.devices import HostId
from synapse_sdk.wire.work import JsonObject, Request

MAX_CONFIG_BYTES = 1_000_000
# Of one request; what is longer is sent as several.
MAX_DELTA_BYTES = 1_000_000
MAX_STREAM_BYTES = 256 * 2**20

# A name is shown and searched, and never becomes a path.
Label = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,100}$")]


class ExperimentStatus(StrEnum):
    """Where an experiment is; the server's database alone knows it (transitions: `docs/reference/experiments.md`)."""

    PENDING = "pending"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    CRASHED = "crashed"

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is expected. A crashed one comes back to life when its worker does."""
        return self in _ENDED


_ENDED = frozenset(
    {
        ExperimentStatus.COMPLETED,
        ExperimentStatus.FAILED,
        ExperimentStatus.CANCELLED,
        ExperimentStatus.EXPIRED,
        ExperimentStatus.CRASHED,
    }
)


class Priority(StrEnum):
    """Who is next: the most urgent, and among equals the one that was submitted first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class RecordedComponent(BaseModel):
    """One version of a component: `hash` for people, `sha256` to check bytes against."""

    hash: Hash
    sha256: Sha256


class ExperimentSubmit(Request):
    """Body of `POST /api/experiments`: one experiment for each combination of the config's lists.

    Attributes:
        config: YAML.
        file: How messages name the config.
        name: Else the config's `run_name`, else the file's stem.
        project: A label; else the config's `project`.
        device: The only host that may run it; None is any.
        hold: Keep it back (`pending`) until it is resumed.
        alias: Which version of each component.
        pinned: Versions that are wanted instead of the alias's, by path.
        expires_in_seconds: How long it may wait for a worker.
        key: The same key again answers what the first submission made, and makes nothing.
    """

    config: str = Field(max_length=MAX_CONFIG_BYTES)
    file: Label = "config.yaml"
    name: Label | None = None
    project: Label | None = None
    device: HostId | None = None
    priority: Priority = Priority.NORMAL
    hold: bool = False
    alias: Alias = ACTIVE
    pinned: dict[str, Hash] = Field({}, max_length=1000)
    expires_in_seconds: int | None = Field(None, gt=0, le=365 * 86_400)
    key: Key | None = None


class ConfigProblem(BaseModel):
    """One thing that keeps a config from running: in the config itself, or in a component that it needs."""

    file: str
    line: int
    message: str


class GridAxis(BaseModel):
    """A list of the config, by its dotted key, of which each run takes one value."""

    key: str
    line: int
    values: list[str]


class GridChoice(BaseModel):
    """What one run takes of an axis."""

    key: str
    value: str


class PreviewedRun(BaseModel):
    """One run of a config that nobody has submitted yet; `name` is its `run_name`."""

    grid: int
    name: str
    choices: list[GridChoice]


class ExperimentPreview(BaseModel):
    """What submitting a config would make. Without problems it can be submitted.

    Attributes:
        runs: The first of them; `run_count` is how many there are.
        components: What they need, imports included.
    """

    problems: list[ConfigProblem]
    run_count: int
    axes: list[GridAxis]
    runs: list[PreviewedRun]
    components: list[str]


class ExperimentReproduce(Request):
    """Body of `POST /api/experiments/{uid}/reproduce`."""

    device: HostId | None = None
    priority: Priority = Priority.NORMAL
    key: Key | None = None


class GridAct(StrEnum):
    """What people do to all runs of a grid at once."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


class GridMove(Request):
    """Body of `POST /api/experiments/{uid}/grid`."""

    act: GridAct


class GridMoved(BaseModel):
    """How many runs of a grid did what they were told, and how many stay as they were: there it was not possible."""

    moved: int
    left: int


class Experiment(BaseModel):
    """One run of a config. `device` is who runs it, `wanted_device` who alone may; `grid` counts from 0.

    Attributes:
        choices: What it took of each axis of its grid; a reproduction has those of what it reproduces.
    """

    uid: str
    name: str
    project: str
    status: ExperimentStatus
    priority: Priority
    wanted_device: str | None
    device: str | None
    attempt: int
    seed: int | None
    grid: int
    grid_size: int
    choices: list[GridChoice] = []
    reproduces: str | None
    user: str | None
    message: str
    exit_code: int | None
    component_count: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None


class ExperimentConfig(BaseModel):
    """What a run is configured with: the config of this one run as YAML, and the file that was submitted."""

    config: str
    sha256: Sha256
    submitted: str
    file: str


class ExperimentManifest(Request):
    """What was on the worker's disk, checked, when a run began. It never changes.

    Attributes:
        components: Exactly the frozen versions: anything else is refused.
        core_hash: Of the kit's core; `base_hash` of its base classes, `config_sha256` of the run's config.
        environment: Whatever else shall be told: versions of torch and CUDA, the driver.
    """

    components: dict[str, RecordedComponent] = Field(max_length=20_000)
    core_hash: Hash
    base_hash: Hash
    config_sha256: Sha256
    seed: int | None = None
    lock_sha256: Sha256 | None = None
    host: HostId
    gpu: str | None = Field(None, max_length=1000)
    python: str = Field("", max_length=200)
    environment: JsonObject = Field(default_factory=dict)


class ExperimentDetail(Experiment):
    """An experiment with the versions that were frozen for it, and what was recorded when it began."""

    components: dict[str, RecordedComponent]
    manifest: ExperimentManifest | None


class ExperimentJob(BaseModel):
    """What a device has been given to run.

    Attributes:
        attempt: Goes with everything that is sent about this run.
        reproduces: The manifest that this run shall repeat; None when it repeats none.
    """

    experiment: Experiment
    attempt: int
    config: str
    config_sha256: Sha256
    seed: int | None
    components: dict[str, RecordedComponent]
    reproduces: ExperimentManifest | None


class RunStart(Request):
    """Body of `POST /api/experiments/{uid}/start`."""

    attempt: int
    manifest: ExperimentManifest


class StreamDelta(Request):
    """Body of `POST /api/experiments/{uid}/log` and `…/metrics`: the bytes of the worker's file from `offset` on.

    Attributes:
        sha256: Of the bytes.
        data: The bytes, in base64.
    """

    attempt: int
    offset: int = Field(ge=0)
    sha256: Sha256
    data: Base64Bytes = Field(max_length=MAX_DELTA_BYTES * 2)


class Received(BaseModel):
    """How many bytes of each file the server has, without a gap."""

    log: int
    metrics: int
    attempt: int
    status: ExperimentStatus


class RunOutcome(StrEnum):
    """How a worker says that a run has ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


class RunComplete(Request):
    """Body of `POST /api/experiments/{uid}/complete`. `message` says why, where it did not complete."""

    attempt: int
    status: RunOutcome
    exit_code: int | None = Field(None, ge=-(2**31), lt=2**31)
    message: str = Field("", max_length=20_000)


class MetricPoints(BaseModel):
    """Rows of a run's metrics, and the offset to ask from next."""

    rows: list[JsonObject]
    next_offset: int


class CurvePoint(NamedTuple):
    """Where a metric was, and when: `x` is the row's step, else its epoch, else its number."""

    x: float
    y: float


class Curve(BaseModel):
    """One metric over a run. Of many points the lowest and the highest of each stretch are here, and the last.

    Attributes:
        point_count: How many there are.
        not_finite: Rows in which it was no number; `first_not_finite` says where that began.
    """

    name: str
    points: list[CurvePoint]
    point_count: int
    last: float | None
    not_finite: int
    first_not_finite: float | None


class MetricCurves(BaseModel):
    """A run's metrics as curves."""

    curves: list[Curve]
    row_count: int


class LogEvent(BaseModel):
    """Data of one server-sent event of a log; its id is the offset after it."""

    offset: int
    text: str


class Difference(BaseModel):
    """One thing in which two experiments differ; None where one has no such thing."""

    key: str
    a: JsonValue
    b: JsonValue


class ExperimentComparison(BaseModel):
    """How two experiments differ.

    Attributes:
        components: By path, the hashes.
        environment: Where and with what they ran.
        metrics: The last value of each metric, where it differs.
        same_metrics: Both have metrics, and every row of them is equal, besides times.
    """

    a: Experiment
    b: Experiment
    config: list[Difference]
    components: list[Difference]
    environment: list[Difference]
    metrics: list[Difference]
    same_metrics: bool
