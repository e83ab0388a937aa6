"""Plugins as the API shows them: plugins, releases, runs (jobs) with their logs, models, agents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue, PlainSerializer, StringConstraints, model_validator

from synapse_sdk.wire.agents import ExitKind
from synapse_sdk.wire.files import RowId
from synapse_sdk.wire.jobs import JobStatus
from synapse_sdk.wire.work import JsonObject, Name, Request

MAX_LOGS_PER_REQUEST = 1000

PluginCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]*$", max_length=64)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]
# v2 writes job states in upper case, v1 in lower case.
UpperStatus = Annotated[JobStatus, PlainSerializer(lambda status: status.value.upper(), return_type=str)]


class Plugin(BaseModel):
    """A plugin by its code; what it does is in its releases."""

    id: int
    code: str
    name: str
    category: str
    description: str
    created: datetime


class PluginCreate(Request):
    """Body of `POST /v2/plugins/`."""

    code: PluginCode
    name: Name
    category: str = Field("custom", min_length=1, max_length=32)
    description: str = ""


class PluginChange(Request):
    """Body of `PATCH /v2/plugins/{id}/`; the code stays."""

    name: Name | None = None
    category: str | None = Field(None, min_length=1, max_length=32)
    description: str | None = None


class PluginRelease(BaseModel):
    """One version of a plugin. `url` fetches its archive, signed; `sha256` is the archive's."""

    id: int
    plugin_id: int
    plugin_code: str
    version: str
    config: JsonObject
    sha256: str
    is_debug: bool
    url: str | None
    created: datetime


class PluginReleaseCreate(Request):
    """Fields of the form `POST /v2/plugin-releases/`, beside the archive in `file`.

    Attributes:
        debug: May be published again under the same version; other releases never change.
    """

    plugin: PluginCode
    version: Version
    config: JsonObject = Field({})
    requirements: str | None = None
    debug: bool = False


class PluginReleaseFields(Request):
    """The same form as it may come: without `plugin`, `version` and `config`, the archive's own file says them."""

    plugin: PluginCode | None = None
    version: Version | None = None
    config: JsonObject | None = None
    requirements: str | None = None
    debug: bool = False

    @model_validator(mode="after")
    def _require_all_or_none(self) -> Self:
        if (self.plugin is None) != (self.version is None) or (self.plugin is None and self.config is not None):
            raise ValueError("send plugin and version with the configuration, or none of the three")
        return self

    @property
    def spelled_out(self) -> PluginReleaseCreate | None:
        """The release that the fields say; None when the archive has to."""
        if self.plugin is None:
            return None
        return PluginReleaseCreate.model_validate(self.model_dump(exclude_none=True))


class PluginRun(Request):
    """Body of `POST /v2/plugins/{id or code}/run/`; `version` None is the newest release.

    Attributes:
        check_params: Refuse `params` that do not fit the release's `params_schema`, by field; without it, only the run
            itself looks at them, which reads some values more freely than a schema can say.
    """

    action: Word
    agent: RowId | None = None
    version: str | None = None
    params: JsonObject = Field({})
    storage_id: RowId | None = None
    job_id: UUID | None = None
    debug: bool = False
    check_params: bool = False


class JobV1(BaseModel):
    """One run of a plugin's action.

    `error` and `exit_kind` say how it ended; `stop_requested_at` is set from the wish to stop it until it has stopped
    and after.
    """

    id: str
    plugin_release_id: int | None
    agent_id: int | None
    user_id: int | None
    action: str
    params: JsonObject
    status: JobStatus
    progress_record: JsonObject
    metrics_record: JsonObject
    result: JsonValue
    error: str | None
    exit_kind: ExitKind | None
    exit_code: int | None
    stop_requested_at: datetime | None
    created: datetime
    started: datetime | None
    finished: datetime | None


class Job(JobV1):
    """One run of a plugin's action, its status in upper case, and the release it runs by its names."""

    status: UpperStatus
    plugin_code: str | None
    version: str | None


class JobCreate(Request):
    """Body of `POST /v2/jobs/`: a run that the caller carries out. The same id again answers the same job."""

    id: UUID | None = None
    action: Word
    plugin_release: RowId | None = None
    params: JsonObject = Field({})
    status: JobStatus = JobStatus.PENDING


class JobChange(Request):
    """Body of `PATCH /v2/jobs/{id}/`: values replace what was there, so it may be sent again.

    `error` is for a run that the caller carries out; an agent's run says so by its agent.
    """

    status: JobStatus | None = None
    error: str | None = None
    progress_record: JsonObject | None = None
    metrics_record: JsonObject | None = None
    console_logs: str | list[str] | None = None
    result: JsonValue = None


class ConsoleLogs(BaseModel):
    """What a run has printed; the oldest part goes when there is too much.

    Attributes:
        size_bytes: All that it has printed so far: ask for what comes `after` it.
    """

    console_logs: str
    size_bytes: int = 0


class JobLog(BaseModel):
    """One structured event of a run."""

    id: int
    job_id: str
    uid: str | None
    event: str
    level: str | None
    step: str | None
    data: Any
    file: str | None
    datetime: str


class JobLogCreate(Request):
    """One entry of `POST /logs/`, which takes one or a list. An entry whose uid is known is ignored."""

    job: UUID
    event: Word
    data: JsonValue = None
    datetime: str = Field(min_length=1, max_length=32)
    uid: str | None = Field(None, min_length=1, max_length=64)
    level: str | None = Field(None, max_length=16)
    step: str | None = Field(None, max_length=100)
    file: str | None = None


class LogsAdded(BaseModel):
    """How many entries came, and how many of them were new."""

    received: int
    added: int


class Model(BaseModel):
    """A trained model. `url` fetches its weights, signed; `sha256` is theirs."""

    id: int
    name: str
    plugin_release_id: int | None
    data_file_id: int | None
    version: str
    metadata: JsonObject
    url: str | None
    sha256: str | None = None
    created: datetime


class ModelCreate(Request):
    """Fields of `POST /v2/models/`, as a form with the weights in `file`, or as JSON.

    Attributes:
        plugin: Code of the plugin whose release made it; with `version`, that release.
        data_file: Weights that were uploaded before.
        chunked_upload: The same, under the older name.
    """

    name: Name
    plugin: PluginCode | None = None
    version: Version | None = None
    plugin_release: RowId | None = None
    data_file: RowId | None = None
    chunked_upload: RowId | None = None
    metadata: JsonObject = Field({})


class ModelChange(Request):
    """Body of `PATCH /v2/models/{id}/`."""

    name: Name | None = None
    metadata: JsonObject | None = None


class Agent(BaseModel):
    """A host that runs plugins. `status` is `connected` while it reports, else `disconnected`."""

    id: int
    name: str
    url: str
    status: str
    capacity: JsonObject
    last_seen_at: datetime | None
    created: datetime


class RegisteredAgent(Agent):
    """The answer to a registration: the only time that the key is shown."""

    token: str


class AgentCreate(Request):
    """Body of `POST /v2/agents/`."""

    name: Name
    url: str = Field(pattern=r"^https?://[^\s]+$", max_length=500)
    capacity: JsonObject = Field({})


class AgentChange(Request):
    """Body of `PATCH /v2/agents/{id}/`."""

    name: Name | None = None
    url: str | None = Field(None, pattern=r"^https?://[^\s]+$", max_length=500)


class AgentReport(Request):
    """Body of `POST /agents/{key}/connect/`: the agent lives, and what it has."""

    capacity: JsonObject | None = None
    url: str | None = Field(None, pattern=r"^https?://[^\s]+$", max_length=500)
