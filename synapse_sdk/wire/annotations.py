"""The one schema of annotation data (architecture, decision 3).

A task, an assignment or a ground truth keeps `{"annotations": [...]}` as JSON text. Geometry is in pixels of the
original image, x to the right, y down, origin in the upper left corner. Hot paths handle the same shape as plain
dicts: these models are its documentation and the server's check on writing.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class AnnotationShape(StrEnum):
    """What kind of geometry an annotation carries."""

    BBOX = "bbox"
    ROTATED_BBOX = "rotated_bbox"
    POLYGON = "polygon"
    MASK = "mask"
    KEYPOINTS = "keypoints"
    POLYLINE = "polyline"
    CLASSIFICATION = "classification"


class Rle(BaseModel):
    """A mask as run lengths in column order, as in COCO.

    Attributes:
        counts: Run lengths, or their compressed string form.
        size: `[height, width]` of the image in pixels.
    """

    counts: list[int] | str
    size: tuple[int, int]


class Annotation(BaseModel):
    """One labelled object.

    Attributes:
        id: Unique within its item when present.
        bbox: `[x, y, width, height]` in pixels; for a rotated box, the box before it is turned.
        rotation: Degrees, clockwise, about the centre of `bbox`.
        segmentation: Polygons `[[x1, y1, x2, y2, …], …]` (parts of one object), or run lengths.
        keypoints: `[x, y, v]` triples, flat, in the class's order; v is 0 absent, 1 hidden, 2 visible.
        area: Square pixels; computed from the geometry when absent.
        attributes: Free values; `truncated`, `difficult`, `occluded` and `pose` map to Pascal VOC.
        score: Confidence in [0, 1] when a model made it.
    """

    model_config = ConfigDict(extra="allow")

    id: int | str | None = None
    type: AnnotationShape = AnnotationShape.BBOX
    category: str = Field(min_length=1)
    bbox: tuple[float, float, float, float] | None = None
    rotation: float | None = None
    segmentation: list[list[float]] | Rle | None = None
    keypoints: list[float] | None = None
    area: float | None = None
    iscrowd: int | None = None
    attributes: dict[str, JsonValue] | None = None
    score: float | None = None


class AnnotationData(BaseModel):
    """What the `data` column of a task, an assignment or a ground truth holds."""

    model_config = ConfigDict(extra="allow")

    annotations: list[Annotation] = []


class ClassDefinition(BaseModel):
    """One class of a project's schema. Its id is pinned: it never moves when classes are added or removed."""

    model_config = ConfigDict(extra="forbid")

    id: int = Field(ge=1)
    name: str = Field(min_length=1)
    supercategory: str | None = None
    color: str | None = None
    keypoints: list[str] | None = None
    skeleton: list[tuple[int, int]] | None = None


class ClassSchema(BaseModel):
    """`configuration.class_schema` of a project; the order is that of the ids."""

    model_config = ConfigDict(extra="forbid")

    classes: list[ClassDefinition] = []
