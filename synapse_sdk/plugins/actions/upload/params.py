"""Parameters of an upload."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class UploadParams(BaseModel):
    """What to upload, and where to.

    Attributes:
        name: Name of the job.
        path: Folder of this machine. Files lie in a folder per specification, or, where a collection has one
            specification, in it directly.
        data_collection: Id of the collection.
        project: Make a task of each unit in this project.
        recursive: Whether folders below are read too.
        metadata: Kept with every data unit.
        batch_size: Data units per request.
        max_workers: Files sent at once.
    """

    name: str = Field(min_length=1)
    path: str = Field(min_length=1)
    data_collection: int
    project: int | None = None
    recursive: bool = True
    metadata: dict[str, Any] = Field(default_factory=dict)
    batch_size: int = Field(200, ge=1, le=1000)
    max_workers: int = Field(8, ge=1, le=64)
