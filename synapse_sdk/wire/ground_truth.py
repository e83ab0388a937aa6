"""Ground truth: data sets, their truths, every change as an event, and released versions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field, JsonValue

from synapse_sdk.wire.work import ItemFile, ItemParts, ItemUnit, JsonObject, Name, Request


class EventLabel(StrEnum):
    """What happened to a ground truth."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class GroundTruthDataset(BaseModel):
    """A named set of ground truths, curated within one project."""

    id: int
    project_id: int
    name: str
    description: str
    created: datetime


class GroundTruthDatasetCreate(Request):
    """Body of `POST /v2/ground-truth-datasets/`."""

    project: int
    name: Name
    description: str = ""


class GroundTruthDatasetChange(Request):
    """Body of `PATCH /v2/ground-truth-datasets/{id}/`."""

    name: Name | None = None
    description: str | None = None


class CollectRequest(Request):
    """Body of `POST /v2/ground-truth-datasets/{id}/collect/`.

    Attributes:
        filter: Filters of assignments. Only completed ones that are not discarded are taken; of several about one
            data unit, the newest.
    """

    filter: JsonObject = Field(default_factory=dict)


class CollectOutcome(BaseModel):
    """How many ground truths a collection made, changed, and found as they were."""

    inserted: int
    updated: int
    unchanged: int


class ReleaseRequest(Request):
    """Body of `POST /v2/ground-truth-datasets/{id}/versions/`."""

    name: Name
    description: str = ""


class GroundTruthDatasetVersion(BaseModel):
    """A released state of a data set. It never changes."""

    id: int
    dataset_id: int
    name: str
    description: str
    event_count: int
    created: datetime


class GroundTruthSummary(BaseModel):
    """The current curated annotations of one data unit, without the annotations."""

    id: int
    dataset_id: int
    data_unit_id: int
    created: datetime


class GroundTruthDetail(GroundTruthSummary, ItemParts):
    """A ground truth with its annotations."""


class GroundTruthItem(BaseModel):
    """A ground truth in v1; `data`, `files` and the data unit as an object with `expand`."""

    id: int
    dataset: int
    data_unit: int | ItemUnit
    created: datetime
    data: JsonValue = None
    files: ItemFile | JsonObject = {}


class GroundTruthCreate(Request):
    """Body of `POST /v2/ground-truths/`."""

    dataset: int
    data_unit: int
    data: JsonObject


class GroundTruthChange(Request):
    """Body of `PATCH /v2/ground-truths/{id}/`."""

    data: JsonObject


class GroundTruthEventSummary(BaseModel):
    """One change of one ground truth, without the annotations; its unique key is `pgh_id`."""

    pgh_id: int
    pgh_label: EventLabel
    pgh_created: datetime
    ground_truth_id: int
    dataset_id: int
    data_unit_id: int


class GroundTruthEventDetail(GroundTruthEventSummary, ItemParts):
    """One change with the state after it."""


class GroundTruthEventItem(BaseModel):
    """An event in v1: `id` repeats `pgh_id`."""

    id: int
    pgh_id: int
    pgh_label: EventLabel
    pgh_created: datetime
    project: int
    ground_truth: int
    dataset: int
    data_unit: int | ItemUnit
    tags: list[str]
    data: JsonValue = None
    files: ItemFile | JsonObject = {}


class VersionChangeKind(StrEnum):
    """What happened to a data unit's truth between two versions."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class VersionChange(BaseModel):
    """One data unit whose truth differs between two versions.

    Attributes:
        before: Annotations per class in the older version; None where it has no truth about this data unit.
        after: The same in the newer one.
    """

    kind: VersionChangeKind
    data_unit_id: int
    data_unit_name: str
    before: dict[str, int] | None = None
    after: dict[str, int] | None = None


class ClassDifference(BaseModel):
    """Annotations of one class in the items that differ, in the older version and in the newer one."""

    before: int = 0
    after: int = 0


class VersionDifference(BaseModel):
    """How much differs between two versions of one data set.

    Attributes:
        unchanged: Items that are the same in both.
        classes: Annotations per class, over the first `counted` items that differ.
        is_whole: Whether `counted` is all of them.
    """

    since: int
    version: int
    added: int
    removed: int
    changed: int
    unchanged: int
    classes: dict[str, ClassDifference]
    counted: int
    is_whole: bool
