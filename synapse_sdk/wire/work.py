"""Work: projects, tasks, assignments, reviews and tags, as v2 and the plain v1 resources show them.

Summaries are what lists hold; details add the annotation data (`synapse_sdk.wire.annotations.AnnotationData`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
# No commas: filters take comma lists of tags.
TagLabel = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^,]*$")]
JsonObject = dict[str, JsonValue]

MAX_TAGGED_IDS = 1000


class WorkStatus(StrEnum):
    """How far the work on a task or an assignment is."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class ReviewStatus(StrEnum):
    """What the reviewer said."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Request(BaseModel):
    """Base of request bodies: an unknown field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Project(BaseModel):
    """What a team labels, and with which classes.

    Attributes:
        configuration: Free settings; `class_schema` is a `synapse_sdk.wire.annotations.ClassSchema`.
    """

    id: int
    name: str
    description: str
    data_collection_id: int | None
    configuration: JsonObject
    created: datetime


class ProjectCreate(Request):
    """Body of `POST /v2/projects/`. Without a data collection the project gets one of its own name."""

    name: Name
    description: str = ""
    data_collection: int | None = None
    configuration: JsonObject = {}


class ProjectChange(Request):
    """Body of `PATCH /v2/projects/{id}/`. Classes may be added; the id of a name never changes."""

    name: Name | None = None
    description: str | None = None
    data_collection: int | None = None
    configuration: JsonObject | None = None


class TaskSummary(BaseModel):
    """A task without its annotations."""

    id: int
    project_id: int
    data_unit_id: int
    status: WorkStatus
    is_discarded: bool
    created: datetime


class ItemFile(BaseModel):
    """One file of an item; `url` is signed and works for a while."""

    url: str
    file_name_original: str
    sha256: str
    size_bytes: int
    specification: str
    is_primary: bool


class ItemUnit(BaseModel):
    """The data unit of an item, with its files by specification; sizes in pixels."""

    id: int
    name: str
    width: int | None = None
    height: int | None = None
    files: dict[str, ItemFile] = {}


class ItemParts(BaseModel):
    """What a list leaves out: annotations, the data unit, and its primary file (`{}` when it has none)."""

    data: JsonValue = None
    data_unit: ItemUnit
    files: ItemFile | JsonObject = {}


class TaskDetail(TaskSummary, ItemParts):
    """A task with its annotations."""

    meta: JsonObject
    tags: list[str]


class TaskItem(BaseModel):
    """A task in v1. `data`, `files` and the data unit as an object are there when asked for with `expand`."""

    id: int
    project: int
    data_unit: int | ItemUnit
    status: WorkStatus
    is_discarded: bool
    meta: JsonObject
    created: datetime
    tags: list[str]
    data: JsonValue = None
    files: ItemFile | JsonObject = {}


class TaskCreate(Request):
    """Body of `POST /v2/tasks/`: a data unit becomes work of a project."""

    project: int
    data_unit: int
    data: JsonObject | None = None
    status: WorkStatus = WorkStatus.PENDING
    meta: JsonObject = {}
    tags: list[TagLabel] = Field([], max_length=100)


class TaskChange(Request):
    """Body of `PATCH /v2/tasks/{id}/`."""

    data: JsonObject | None = None
    status: WorkStatus | None = None
    is_discarded: bool | None = None
    meta: JsonObject | None = None


class AnnotateAction(StrEnum):
    """What happens with sent annotations."""

    SUBMIT = "submit"


class AnnotateTaskRequest(Request):
    """Body of `PUT /tasks/{id}/annotate_task_data/`."""

    action: AnnotateAction = AnnotateAction.SUBMIT
    data: JsonObject


class TagAction(StrEnum):
    """How a request changes the tags of things."""

    ADD = "add"
    REMOVE = "remove"
    SET = "set"


class SetTagsRequest(Request):
    """Body of `POST /tasks/set_tags/` and `POST /assignments/set_tags/`.

    Attributes:
        tags: Ids or names of the project's tags; new names become tags.
    """

    ids: list[int] = Field(min_length=1, max_length=MAX_TAGGED_IDS)
    tags: list[int | TagLabel] = Field(max_length=100)
    action: TagAction = TagAction.ADD


class TagsSet(BaseModel):
    """How many things a tag request has reached."""

    count: int


class AssignmentSummary(BaseModel):
    """An assignment without its annotations."""

    id: int
    project_id: int
    task_id: int
    user_id: int | None
    status_label: WorkStatus
    status_review: ReviewStatus
    is_confirmed: bool
    is_discarded: bool
    created: datetime


class AssignmentDetail(AssignmentSummary, ItemParts):
    """An assignment with its annotations."""

    reviewer_id: int | None
    tags: list[str]


class AssignmentItem(BaseModel):
    """An assignment in v1. `data`, `files` and the data unit as an object are there when asked for with `expand`."""

    id: int
    project: int
    task: int
    user: int | None
    reviewer: int | None
    status_label: WorkStatus
    status_review: ReviewStatus
    is_confirmed: bool
    is_discarded: bool
    created: datetime
    tags: list[str]
    data: JsonValue = None
    data_unit: int | ItemUnit
    files: ItemFile | JsonObject = {}


class AssignmentCreate(Request):
    """Body of `POST /v2/assignments/`. Without a user it is the caller's own."""

    task: int
    user: int | None = None
    data: JsonObject | None = None
    status_label: WorkStatus = WorkStatus.PENDING
    tags: list[TagLabel] = Field([], max_length=100)


class AssignmentChange(Request):
    """Body of `PATCH /v2/assignments/{id}/`. Completing an assignment makes its data the task's."""

    data: JsonObject | None = None
    status_label: WorkStatus | None = None
    is_confirmed: bool | None = None
    is_discarded: bool | None = None
    user: int | None = None


class ReviewRequest(Request):
    """Body of `POST /v2/assignments/{id}/review/`."""

    status: ReviewStatus
    comment: str = Field("", max_length=10_000)


class Review(BaseModel):
    """What a reviewer decided about an assignment, and why."""

    id: int
    assignment_id: int
    reviewer_id: int | None
    status: ReviewStatus
    comment: str
    created: datetime


class Tag(BaseModel):
    """A label that people put on tasks and assignments of one project."""

    id: int
    project_id: int
    name: str


class TagCreate(Request):
    """Body of `POST /v2/task-tags/`."""

    project: int
    name: TagLabel


class TagChange(Request):
    """Body of `PATCH /v2/task-tags/{id}/`."""

    name: TagLabel
