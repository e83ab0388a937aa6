"""What the v1 API answers with, where it is more than a dict."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from synapse_sdk.wire.data import StorageCategory


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
