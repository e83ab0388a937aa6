"""Exports that the platform converts itself: what is asked for, what the nine steps tell, and the finished archive."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from synapse_sdk.wire.bundle import ExportTarget

FormatName = Literal["coco", "yolo", "voc", "csv", "jsonl", "webdataset", "parquet"]
# It names a folder and an archive.
ExportName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^\w[\w .()-]*$")]


class DatasetExportRequest(BaseModel):
    """Body of `POST /v2/dataset-exports/` and of its preview: the parameters of `synapse export`.

    Attributes:
        name: Name of the archive; the project's and the format's when absent.
        options: The format's own, such as `{"task": "segment"}` for YOLO.
        images: Whether the original images are in the archive.
        split: Shares by split name, or `tag` when the items' tags name their split.
        shard_items: YOLO and VOC: images in one tar shard; 0 for single files.
        strict: Fail when an item or an annotation cannot be carried, in place of listing it in the loss report.
        storage: Where the archive is kept; the default storage when absent.
    """

    model_config = ConfigDict(extra="forbid")

    name: ExportName | None = None
    target: ExportTarget
    project: int | None = Field(None, description="Needed for task and assignment.")
    filter: dict[str, JsonValue] = {}
    format: FormatName
    options: dict[str, JsonValue] = {}
    images: Literal["copy", "none"] = "copy"
    split: dict[str, float] | Literal["tag"] | None = None
    shard_items: int | None = Field(None, ge=0)
    strict: bool = False
    storage: int | None = None
    idempotency_key: str | None = Field(None, max_length=200, description="Equal keys give one job.")


class StepStatus(StrEnum):
    """States of one step."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class StepProgress(BaseModel):
    """One step of an export: the nine of every export, and the packing of the archive.

    Attributes:
        current: Items done, where the step counts items.
        rate: Items per second since the step began; None at the start.
        seconds_remaining: A linear guess; None at the start.
    """

    name: str
    status: StepStatus = StepStatus.WAITING
    percent: float = 0.0
    current: int | None = None
    total: int | None = None
    rate: float | None = None
    seconds_remaining: float | None = None


class ArchivedFile(BaseModel):
    """One file of an archive."""

    path: str
    size_bytes: int
    sha256: str


class LossEntry(BaseModel):
    """Something that the format could not carry as it was."""

    item_id: int | str
    annotation_id: int | str | None = None
    reason_code: str
    message: str


class DatasetReport(BaseModel):
    """What the export came to.

    Attributes:
        writer: The writer's counts: images, annotations, per class, splits, losses by code.
        validation: The format's rules, checked on what was written: `ok`, counts, and the first findings.
        losses: The first entries of the loss report; the archive has all.
    """

    exported: int
    failed: int
    writer: dict[str, JsonValue] = {}
    validation: dict[str, JsonValue] = {}
    losses: list[LossEntry] = []


class ArchiveFacts(BaseModel):
    """A finished archive.

    Attributes:
        files: The first files by path; `SHA256SUMS` in the archive names all.
    """

    name: str
    size_bytes: int
    sha256: str
    file_count: int
    files: list[ArchivedFile]


class DatasetArchive(ArchiveFacts):
    """A finished archive and the way to it: `url` needs no token and works until `expires_at`."""

    url: str
    expires_at: datetime
    kept_until: datetime | None = None
    report: DatasetReport


class PreviewFile(BaseModel):
    """A file of the preview; `text` is None for one that is not text."""

    path: str
    size_bytes: int
    text: str | None = None
    is_whole: bool = True


class DatasetPreview(BaseModel):
    """How many items match, and the first of them in the format.

    Attributes:
        files: What an export of this one item would write; empty when nothing matches.
        losses: What the format cannot carry of it.
    """

    count: int
    item_id: int | None = None
    item_name: str | None = None
    files: list[PreviewFile] = []
    losses: list[LossEntry] = []
