"""Bodies and answers of the v1 API."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from synapse_sdk.wire.jobs import JobStatus
from synapse_sdk.wire.work import SetTagsRequest

__all__ = [
    "Agent",
    "DataUnitCreateRequest",
    "DataUnitFileReference",
    "JobStatus",
    "ModelCreateRequest",
    "PluginReleaseCreateRequest",
    "PluginRunRequest",
    "ServeApplicationCreateRequest",
    "SetTagsRequest",
    "Storage",
    "StorageCategory",
    "StorageProvider",
    "TaskCreateRequest",
    "UpdateJobRequest",
]


class StorageCategory(StrEnum):
    """Whose storage it is."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class StorageProvider(StrEnum):
    """What kind of storage it is; `synapse_sdk.utils.storage` says which of them can be opened."""

    AMAZON_S3 = "amazon_s3"
    AZURE = "azure"
    DIGITAL_OCEAN = "digital_ocean"
    FILE_SYSTEM = "file_system"
    FTP = "ftp"
    SFTP = "sftp"
    MINIO = "minio"
    GCP = "gcp"


class Storage(BaseModel):
    """A place for files, with what is needed to open it."""

    id: int
    name: str
    category: StorageCategory
    provider: str
    configuration: dict[str, Any] = Field(default={}, repr=False)
    is_default: bool = False


class Agent(BaseModel):
    """A host that runs plugins."""

    id: int
    name: str
    url: str
    status: str | None = None
    token: str | None = Field(default=None, repr=False)
    node_install_script: str | None = None


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PluginRunRequest(_Request):
    """Run a plugin's action; `version` None is the newest release."""

    action: str
    agent: int | None = None
    version: str | None = None
    params: dict[str, Any] = {}
    storage_id: int | None = None
    job_id: str | None = None
    debug: bool = False


class PluginReleaseCreateRequest(_Request):
    """Publish a plugin's release; the archive goes with it as a file."""

    plugin: str
    version: str
    config: dict[str, Any] = {}
    requirements: str | None = None
    debug: bool = False


class ModelCreateRequest(_Request):
    """Register a trained model; the weights go with it as a file."""

    name: str
    plugin: str | None = None
    version: str | None = None
    chunked_upload: int | None = None


class ServeApplicationCreateRequest(_Request):
    """Register a model server."""

    name: str
    plugin_release: int
    action: str
    params: dict[str, Any] = {}
    num_replicas: int = 1


class TaskCreateRequest(_Request):
    """Make a task of a project."""

    project: int
    data_unit: int | None = None
    data: Any = None


class DataUnitFileReference(_Request):
    """A file of a data unit, by content."""

    checksum: str
    path: str


class DataUnitCreateRequest(_Request):
    """Make a data unit from files that were uploaded."""

    data_collection: int
    files: dict[str, DataUnitFileReference | int]
    meta: dict[str, Any] = {}


class UpdateJobRequest(_Request):
    """What a run says about itself; only the given fields are sent. The status is lower case in v1."""

    status: JobStatus | None = None
    progress_record: dict[str, Any] | None = None
    metrics_record: dict[str, Any] | None = None
    console_logs: Any = None
    result: Any = None

    @field_serializer("status")
    def _lower_case(self, status: JobStatus | None) -> str | None:
        return None if status is None else status.value.lower()
