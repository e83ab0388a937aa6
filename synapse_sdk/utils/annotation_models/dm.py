"""DM records, the annotation tool's own format, as objects."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue


class DMVersion(StrEnum):
    """Generation of the DM format."""

    V1 = "v1"
    V2 = "v2"


class DMAttribute(BaseModel):
    """One named value of an object."""

    name: str
    value: JsonValue = None


class DMv2Object(BaseModel):
    """One object; `data` is `[x, y, w, h]` for a box, `[[x, y], …]` for outlines and lines, `[x, y]` for a keypoint."""

    model_config = ConfigDict(extra="allow")

    id: str | int | None = None
    classification: str = ""
    attrs: list[DMAttribute] = []
    data: Any = None


class DMv2Image(BaseModel):
    """The objects of one image by kind."""

    model_config = ConfigDict(extra="allow")

    bounding_box: list[DMv2Object] = []
    polygon: list[DMv2Object] = []
    polyline: list[DMv2Object] = []
    keypoint: list[DMv2Object] = []
    segmentation: list[DMv2Object] = []
    relation: list[dict[str, Any]] = []
    group: list[dict[str, Any]] = []


class DMv2Dataset(BaseModel):
    """One DM v2 record.

    Attributes:
        classification: Class names by kind of object, in order of first use.
    """

    model_config = ConfigDict(extra="allow")

    classification: dict[str, list[str]] = {}
    images: list[DMv2Image] = []
