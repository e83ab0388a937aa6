"""What the views of tasks read and write: cards of the grid, the annotations of one task, statistics of a project."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from synapse_sdk.wire.annotations import AnnotationShape
from synapse_sdk.wire.work import MAX_TAGGED_IDS, JsonObject, Request, ReviewStatus, WorkStatus


class Outline(BaseModel):
    """One annotation as a thumbnail shows it: whole pixels of the original, long polygons thinned out.

    Attributes:
        bbox: `[x, y, width, height]`.
        polygons: `[[x1, y1, x2, y2, …], …]`; a mask has its box only.
        keypoints: `[x1, y1, x2, y2, …]` of those that are there.
    """

    category: str
    shape: AnnotationShape
    bbox: list[int] | None = None
    polygons: list[list[int]] | None = None
    keypoints: list[int] | None = None


class TaskCard(BaseModel):
    """One task in the grid.

    Attributes:
        thumbnail: Path of a small picture on this server, which may be kept for ever; None without a picture.
        annotation_count: All annotations; `outlines` holds the first of them.
        review: What the newest assignment's reviewer said; None without an assignment.
        is_pre_annotated: Whether a run has ever pre-annotated it.
    """

    id: int
    project_id: int
    name: str
    status: WorkStatus
    is_discarded: bool
    width: int | None
    height: int | None
    thumbnail: str | None
    tags: list[str]
    annotation_count: int
    outlines: list[Outline]
    review: ReviewStatus | None
    is_pre_annotated: bool


class TaskPages(BaseModel):
    """Where each page of a list of cards starts, so that a scroll bar can go anywhere.

    Attributes:
        cursors: One for each page of `page_length`, the first of which has none.
    """

    count: int
    page_length: int
    cursors: list[str | None]


class TaskNeighbours(BaseModel):
    """The tasks before and after one, in a list's order and filters."""

    previous_id: int | None
    next_id: int | None


class AnnotationOrigin(BaseModel):
    """The pre-annotation that a task's annotations began with.

    Attributes:
        is_untouched: Whether the annotations are still as the run left them.
    """

    run_id: str
    producer: str
    version: str
    model: str | None
    score: float | None
    created: datetime
    is_untouched: bool


class TaskAnnotations(BaseModel):
    """A task's annotations and what a save has to name.

    Attributes:
        image: Path of the picture on this server, None without one; `preview` a WebP of it of at most 2048 pixels.
        revision: Changes with the annotations; a save names the one it began with.
        changed_by: Who last changed the annotations: a person, or a run's producer; None when that was not noted.
    """

    task_id: int
    name: str
    width: int | None
    height: int | None
    image: str | None
    preview: str | None
    revision: str
    data: JsonObject | None
    status: WorkStatus
    is_discarded: bool
    review: ReviewStatus | None
    review_comment: str
    changed_by: str | None
    changed: datetime | None
    origin: AnnotationOrigin | None


class SaveAnnotationsRequest(Request):
    """Body of `PUT /v2/tasks/{id}/annotations/`.

    Attributes:
        expected: The revision that the sender began with; 409 when the task has another one by now.
        status: The task's new status; when absent, a pending task is in progress from now on, any other stays as it is.
    """

    expected: str = Field(max_length=64)
    data: JsonObject
    status: WorkStatus | None = None


class ReviewTaskRequest(Request):
    """Body of `POST /v2/tasks/{id}/review/`: `approved` completes the task, `rejected` puts it back to work."""

    expected: str = Field(max_length=64)
    status: ReviewStatus
    comment: str = Field("", max_length=10_000)


class SetDiscardedRequest(Request):
    """Body of `POST /v2/tasks/set-discarded/`."""

    ids: list[int] = Field(min_length=1, max_length=MAX_TAGGED_IDS)
    is_discarded: bool


class DiscardedSet(BaseModel):
    """How many tasks a request has reached."""

    count: int


class ClassCount(BaseModel):
    """How often a class was annotated."""

    category: str
    annotations: int


class SizeCount(BaseModel):
    """Boxes whose side (the root of width by height) lies in a range of pixels; `up_to` None is the last range."""

    category: str
    from_pixels: int
    up_to: int | None
    annotations: int


class ProjectStatistics(BaseModel):
    """Counts over a project's tasks that were not discarded.

    Attributes:
        classes: The most frequent ones first, at most 200.
        sizes: For each of these classes and each range of sizes that occurs.
        counted: When they were counted; they are counted again at most every half minute.
    """

    tasks: int
    discarded: int
    statuses: dict[WorkStatus, int]
    annotations: int
    classes: list[ClassCount]
    sizes: list[SizeCount]
    counted: datetime
