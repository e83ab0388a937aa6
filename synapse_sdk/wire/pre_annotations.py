"""Pre-annotations: a run says what annotates, its results go in by batches, and where each came from stays known."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from synapse_sdk.wire.files import RowId
from synapse_sdk.wire.work import JsonObject, Request, TaskItem

MAX_RESULTS_PER_REQUEST = 500
MAX_TASKS_PER_PAGE = 500
# Annotation files travel with their tasks when they are small; larger ones are fetched by their own link.
MAX_INLINE_FILE_BYTES = 256 * 1024
MAX_INLINE_PAGE_BYTES = 8 * 2**20

RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,36}$")]
Label = Annotated[str, StringConstraints(max_length=200)]


class PreAnnotationMethod(StrEnum):
    """Where annotations come from."""

    FILE = "file"
    INFERENCE = "inference"


class PreAnnotationRunCreate(Request):
    """Body of `POST /v2/pre-annotation-runs/`. The same id with the same facts answers the same run.

    Attributes:
        id: Chosen by the caller; the job's id where there is one.
        plugin_release: Release that infers.
        model: Model that it infers with.
        specification: File specification that the annotations are read from.
        producer: What converts: `code@version` of a plugin, or a class.
        version: Version of the release that infers.
    """

    id: RunId
    project: RowId
    method: PreAnnotationMethod
    plugin_release: RowId | None = None
    model: RowId | None = None
    specification: Label | None = None
    producer: Label = ""
    version: Label = ""


class PreAnnotationRun(BaseModel):
    """One run; `undone_at` is set when it was taken back."""

    id: str
    project_id: int
    method: PreAnnotationMethod
    plugin_release_id: int | None
    model_id: int | None
    specification: str | None
    producer: str
    version: str
    user_id: int | None
    created: datetime
    undone_at: datetime | None


class PreAnnotationTasksRequest(Request):
    """Body of `POST /pre_annotation_runs/{id}/tasks/`: the next page of tasks, ascending by id."""

    after_id: int = Field(0, ge=0)
    limit: int = Field(200, ge=1, le=MAX_TASKS_PER_PAGE)
    filters: JsonObject = Field({})


class PreAnnotationTasks(BaseModel):
    """A page of tasks.

    Attributes:
        tasks: With their data, data unit and signed file links; an empty page is the end.
        done: Ids of those that are annotated with the same release and model already.
        contents: Small annotation files of the run's specification by SHA-256, as base64.
    """

    tasks: list[TaskItem]
    done: list[int]
    contents: dict[str, str]


class PreAnnotationResult(Request):
    """Annotations of one task.

    Attributes:
        version: What they were made from, beyond the run: the SHA-256 of the annotation file.
        data: Annotation data (`synapse_sdk.wire.annotations.AnnotationData`).
        score: Confidence in [0, 1]; the mean of the annotations' scores when absent.
    """

    task: RowId
    version: str = Field("", max_length=64)
    # Not `JsonValue`: the server checks it as `AnnotationData`.
    data: dict[str, Any]
    score: float | None = Field(None, ge=0, le=1)


class PreAnnotationResults(Request):
    """Body of `POST /pre_annotation_runs/{id}/results/`. Each item stands by itself; safe to send again."""

    items: list[PreAnnotationResult] = Field(min_length=1, max_length=MAX_RESULTS_PER_REQUEST)


class PreAnnotationState(StrEnum):
    """What became of one result."""

    ANNOTATED = "annotated"
    EXISTS = "exists"
    REFUSED = "refused"


class PreAnnotationOutcome(BaseModel):
    """The answer for one item, in the order of the request; `error` says why it was refused."""

    task: int
    status: PreAnnotationState
    error: str | None = None


class PreAnnotationUndo(BaseModel):
    """What taking a run back has done so far.

    Attributes:
        restored: Tasks that have what they had before the run.
        kept: Tasks that people have changed since; they stay as they are.
        next_after_id: Where to go on; None when the run is undone.
    """

    restored: int
    kept: int
    next_after_id: int | None


class PreAnnotationUndoRequest(Request):
    """Body of `POST /v2/pre-annotation-runs/{id}/undo/`."""

    after_id: int = Field(0, ge=0)


class PreAnnotation(BaseModel):
    """Where the annotations of one task came from: the run with its release and model, when, and how sure.

    Attributes:
        source_version: SHA-256 of the annotation file they were read from; empty when a model made them.
    """

    id: int
    run_id: str
    task_id: int
    method: PreAnnotationMethod
    plugin_release_id: int | None
    model_id: int | None
    version: str
    producer: str
    source_version: str
    score: float | None
    created: datetime
