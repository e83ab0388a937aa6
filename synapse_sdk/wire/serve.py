"""Served models: applications with their seven states, what an agent is told to serve, and whether it would fit."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from synapse_sdk.wire.files import RowId
from synapse_sdk.wire.work import JsonObject, Request

MAX_REPORTED_APPLICATIONS = 500
MAX_MESSAGE_CHARACTERS = 2_000

ServeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@:+-]*$", max_length=200)]
RoutePrefix = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_.-]{1,100}$")]


class ServeStatus(StrEnum):
    """States of a serve application."""

    NOT_STARTED = "NOT_STARTED"
    DEPLOYING = "DEPLOYING"
    DEPLOY_FAILED = "DEPLOY_FAILED"
    RUNNING = "RUNNING"
    UNHEALTHY = "UNHEALTHY"
    DELETING = "DELETING"
    UNAVAILABLE = "UNAVAILABLE"

    @property
    def is_failure(self) -> bool:
        """Whether waiting for `RUNNING` is of no use."""
        return self in {ServeStatus.DEPLOY_FAILED, ServeStatus.UNHEALTHY, ServeStatus.UNAVAILABLE}


class ServeResources(BaseModel):
    """What one replica needs: cores, GPUs (a share below one), and memory in bytes, None for no limit."""

    model_config = ConfigDict(extra="forbid")

    num_cpus: float = Field(1.0, ge=0)
    num_gpus: float = Field(0.0, ge=0)
    memory: int | None = Field(None, gt=0)


class ServeOptions(BaseModel):
    """How an application is served; names, units and meanings are Ray Serve's.

    Attributes:
        num_replicas: Processes that serve it.
        max_ongoing_requests: Requests that one replica works on at once; others wait.
        max_queued_requests: Requests that may wait in one replica before 503 is answered; -1 is no limit.
        health_check_period_s: Seconds between two questions whether a replica is well.
        health_check_timeout_s: Seconds after which a replica that does not answer is killed and replaced.
        graceful_shutdown_timeout_s: Seconds that requests have to end when a replica is stopped.
        start_timeout_s: Seconds within which a replica must be ready.
    """

    model_config = ConfigDict(extra="forbid")

    num_replicas: int = Field(1, ge=1, le=256)
    max_ongoing_requests: int = Field(5, ge=1)
    max_queued_requests: int = Field(-1, ge=-1)
    health_check_period_s: float = Field(10.0, gt=0)
    health_check_timeout_s: float = Field(30.0, gt=0)
    graceful_shutdown_timeout_s: float = Field(20.0, ge=0)
    start_timeout_s: float = Field(180.0, gt=0)


class ServeDeploy(Request):
    """Body of an agent's `POST serve_applications/`: what to serve, from which folder, with which interpreter.

    Attributes:
        name: `code@version`; deploying the same name again replaces what runs under it.
        entrypoint: The deployment class, as `module:Class`.
        folder: The release's folder on the agent.
        python: The release's interpreter on the agent; the agent's own when None.
        plugin_release: The release's id on the server.
        checksum: SHA-256 of the release's archive: another one is another version of the same name.
        env: Variables for the replicas.
    """

    name: ServeName
    route_prefix: RoutePrefix
    entrypoint: str = Field(min_length=1, max_length=300)
    folder: str = Field(min_length=1)
    python: str | None = None
    backend_url: str = ""
    plugin_release: RowId | None = None
    action: str = Field("inference", min_length=1, max_length=100)
    checksum: str = Field("", max_length=64)
    env: dict[str, str] = Field({}, repr=False)
    resources: ServeResources = ServeResources()
    options: ServeOptions = ServeOptions()


class ServeState(BaseModel):
    """One application as its agent knows it.

    Attributes:
        endpoint: Address of its routes on the agent's host.
        replicas: Replicas that take requests now.
        revision: Counts deployments under this name.
    """

    name: str
    status: ServeStatus
    message: str = Field("", max_length=MAX_MESSAGE_CHARACTERS)
    route_prefix: str
    endpoint: str
    plugin_release: int | None = None
    action: str = "inference"
    checksum: str = ""
    num_replicas: int
    replicas: int
    resources: ServeResources
    revision: int
    changed: datetime


class ServeReport(Request):
    """Body of an agent's `POST /agents/{key}/serve_applications/`: everything that it serves now."""

    applications: list[ServeState] = Field(max_length=MAX_REPORTED_APPLICATIONS)


class ServeReportAnswer(BaseModel):
    """What the server wants of the agent: applications to delete, by name."""

    delete: list[str]


class ServeApplication(BaseModel):
    """One application as the server shows it; `UNAVAILABLE` while its agent is silent."""

    id: int
    name: str
    status: ServeStatus
    message: str
    agent_id: int | None
    plugin_release_id: int | None
    plugin_code: str | None
    version: str | None
    action: str
    params: JsonObject
    route_prefix: str
    endpoint: str
    checksum: str
    num_replicas: int
    replicas: int
    resources: JsonObject
    created: datetime
    changed: datetime


class ServeApplicationCreate(Request):
    """Body of `POST /serve_applications/`; the same name on the same agent answers the same application.

    Attributes:
        job: The run that deploys it; it says which agent serves.
        agent: That agent, where there is no run.
    """

    name: ServeName
    plugin_release: RowId
    action: str = Field(min_length=1, max_length=100)
    params: JsonObject = Field({})
    num_replicas: int = Field(1, ge=1, le=256)
    job: UUID | None = None
    agent: RowId | None = None


class ServeInfer(Request):
    """Body of an agent's `POST serve_applications/{name}/infer/`.

    Attributes:
        model: The model to answer with: `{id, name, url, sha256, …}`.
        path: Route below the application's prefix.
        json: Body of the request.
    """

    model: dict[str, JsonValue] | None = Field(None, repr=False)
    method: Literal["get", "post", "put", "patch", "delete"] = "post"
    path: str = Field("/", pattern=r"^/[^?#]*$")
    body: JsonValue = Field(None, alias="json", repr=False)


class CapacityRequest(Request):
    """Body of `POST capacity/check/`: would this fit now? `kind` is what it is for: serve, job or task."""

    kind: Literal["serve", "job", "task"] = "serve"
    num_cpus: float = Field(0.0, ge=0)
    num_gpus: float = Field(0.0, ge=0)
    memory: int | None = Field(None, ge=0)
    num_replicas: int = Field(1, ge=1)
    name: str | None = Field(None, description="An application that would be replaced: what it holds counts as free.")


class CapacityReason(BaseModel):
    """One resource that falls short: `memory` in bytes, the others in units."""

    resource: str
    requested: float
    available: float


class CapacityAnswer(BaseModel):
    """Whether it fits, and what falls short by how much."""

    allowed: bool
    reasons: list[CapacityReason] = []
