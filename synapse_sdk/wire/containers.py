"""Playground containers on the wire: what is asked of an agent, and what it answers."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

FIRST_PORT, LAST_PORT = 7860, 8860
# Where an app answers inside its container.
APP_PORT = 7860
PARAMS_VARIABLE = "PLUGIN_PARAMS"
_RESERVED = frozenset({PARAMS_VARIABLE, "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "HOME"})
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_TEXT = 32_768

Text = Annotated[str, Field(max_length=_MAX_TEXT)]


class ContainerStatus(StrEnum):
    """State of a playground container, as people are told it."""

    BUILDING = "building"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAILED = "failed"
    GONE = "gone"


class ContainerWish(StrEnum):
    """What can be asked of a container that is there."""

    RUNNING = "running"
    RESTARTED = "restarted"
    PAUSED = "paused"
    STOPPED = "stopped"


class BuildStatus(StrEnum):
    """State of a build: all that lies between asking for a container and its app's first answer."""

    QUEUED = "queued"
    BUILDING = "building"
    STARTING = "starting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_BUILDS = frozenset({BuildStatus.COMPLETED, BuildStatus.FAILED, BuildStatus.CANCELLED})


class ContainerCreate(BaseModel):
    """A container that is wanted; asking again for the same release and model means the same container.

    Attributes:
        plugin_release: `code@version`.
        model: Another model is another container.
        params: The app finds them in PLUGIN_PARAMS, as JSON.
        action: The action whose app it is; `gradio` when there is one.
        entrypoint: The app's file, where the release's configuration names none.
    """

    model_config = ConfigDict(extra="forbid")

    plugin_release: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    plugin: Annotated[str, Field(max_length=200)] | None = None
    version: Annotated[str, Field(max_length=100)] | None = None
    model: int | None = None
    params: dict[str, Any] = {}
    envs: dict[str, Text] = {}
    metadata: dict[str, Any] = {}
    labels: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)] = []
    action: Annotated[str, Field(max_length=100)] | None = None
    entrypoint: Annotated[str, Field(max_length=300)] | None = None

    @field_validator("envs")
    @classmethod
    def _check_names(cls, envs: dict[str, str]) -> dict[str, str]:
        for name in envs:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a variable: use letters, digits and _")
            if name in _RESERVED:
                raise ValueError(f"{name} is set by the agent; give parameters as `params`")
        return envs


class ContainerPatch(BaseModel):
    """A change of state."""

    model_config = ConfigDict(extra="forbid")

    status: ContainerWish


class ContainerRecord(BaseModel):
    """One container, as the agent keeps it.

    Attributes:
        id: The engine's id; the record's number while the engine has none.
        endpoint: Where its app answers; None while it does not.
        error: Why it failed, and what to do.
        build_id: Its newest build.
        attrs: All that the engine knows; only of a single container.
        restarted: It was there already; only in the answer to creating it.
        recreated: Why it was made anew instead of restarted; only there.
    """

    id: str
    record: int
    container_id: str | None
    name: str | None
    status: ContainerStatus
    image: str
    endpoint: str | None
    plugin_release: str
    model: int | None
    host_port: int | None
    params: dict[str, Any]
    labels: list[str]
    metadata: dict[str, Any]
    error: str | None = None
    build_id: str | None = None
    created_at: datetime
    updated_at: datetime
    attrs: dict[str, Any] | None = None
    restarted: bool | None = None
    recreated: str | None = None


class ReleaseArchive(BaseModel):
    """Where an agent finds a release's archive on the server, for a short while."""

    archive_url: str
    sha256: str


class BuildAnswer(BaseModel):
    """A container is being made: where to look how far it is."""

    build_id: str
    status_url: str
    sse_url: str


class BuildRecord(BaseModel):
    """One build.

    Attributes:
        result: The container, once it is there.
        error: Why it failed, and what to do.
    """

    id: str
    plugin_release: str
    status: BuildStatus
    result: ContainerRecord | None = None
    error: str | None = None
    created_at: datetime
    updated_at: datetime


class EngineHealth(BaseModel):
    """Whether a container engine answers.

    Attributes:
        problem: What is wrong and what to do; None when containers can be made.
        warning: What works less safely than it could, and what to do.
    """

    available: bool
    engine: str | None = None
    version: str | None = None
    problem: str | None = None
    warning: str | None = None
