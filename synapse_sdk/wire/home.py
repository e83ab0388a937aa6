"""What the first page shows: what runs now, what waits for somebody, what is kept."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel


class WorkKind(StrEnum):
    """Where something runs: as a job of the server, as a run of a plugin, as an experiment."""

    EXPORT = "export"
    SNAPSHOT = "snapshot"
    JOB = "job"
    EXPERIMENT = "experiment"


class WorkItem(BaseModel):
    """Something that runs, or that failed. `processed` of `total` where it counts; `total` where that is known."""

    kind: WorkKind
    id: str
    title: str
    status: str
    project_id: int | None = None
    processed: int | None = None
    total: int | None = None
    error: str | None = None
    created: datetime
    finished: datetime | None = None


class Tally(BaseModel):
    """How many there are; with `is_more` there are more, which nobody has counted."""

    value: int
    is_more: bool


class StorageUse(BaseModel):
    """Bytes of the files in a storage, counted now and then; the room on its disk where it is a folder."""

    storage_id: int
    name: str
    provider: str
    used_bytes: int
    free_bytes: int | None
    total_bytes: int | None


class Home(BaseModel):
    """What the caller may see of all this.

    Attributes:
        running: Exports, runs and experiments that run or wait, the newest few of each kind.
        failed: Those that failed in the last three days.
        conflicts: Files on devices that differ from the server's, for somebody to decide about.
        reviews: Finished assignments that wait for the caller's review.
    """

    running: list[WorkItem]
    failed: list[WorkItem]
    conflicts: Tally
    reviews: Tally
    storages: list[StorageUse]
    projects: Tally
    tasks: Tally
    experiments: Tally
    plugins: Tally
