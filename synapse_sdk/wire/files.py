"""Files: announcing an upload, sending the bytes to a signed URL, and confirming that they arrived."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_FILES_PER_REQUEST = 200

# What the database's columns hold.
RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class UploadState(StrEnum):
    """What the server wants for an announced file."""

    EXISTS = "exists"
    UPLOAD = "upload"


class ArrivalState(StrEnum):
    """What the server found when it was told that a file had been sent."""

    CONFIRMED = "confirmed"
    MISSING = "missing"


class FileAnnouncement(BaseModel):
    """One file that is about to be sent."""

    model_config = ConfigDict(extra="forbid")

    file_name: str = Field(min_length=1, max_length=1024)
    sha256: Sha256
    size_bytes: int = Field(ge=0, le=2**63 - 1)


class PresignedUploadRequest(BaseModel):
    """Body of `POST /v2/data-files/presigned-upload/`."""

    model_config = ConfigDict(extra="forbid")

    files: list[FileAnnouncement] = Field(min_length=1, max_length=MAX_FILES_PER_REQUEST)
    storage: RowId | None = Field(None, description="Default: the installation's default storage.")


class UploadTicket(BaseModel):
    """The answer for one announced file, in the order of the request.

    Attributes:
        upload_url: `PUT` the raw bytes here until `expires_at`; None when the server has them already.
    """

    data_file_id: int
    status: UploadState
    upload_url: str | None = None
    expires_at: datetime | None = None


class ConfirmUploadRequest(BaseModel):
    """Body of `POST /v2/data-files/confirm-upload/`."""

    model_config = ConfigDict(extra="forbid")

    ids: list[RowId] = Field(min_length=1, max_length=MAX_FILES_PER_REQUEST)


class UploadArrival(BaseModel):
    """Whether the bytes of one file are there."""

    data_file_id: int
    status: ArrivalState
