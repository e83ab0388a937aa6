"""The records of a COCO file, as msgspec decodes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

Number = int | float


class CocoRef(msgspec.Struct, gc=False):
    """Just enough of an annotation to know whose it is."""

    image_id: int | str
    id: int | str | None = None


class CocoImage(msgspec.Struct):
    """An element of `images`."""

    id: int | str
    file_name: str
    width: Number | None = None
    height: Number | None = None
    tags: list[str] = []


class CocoAnnotation(msgspec.Struct):
    """An element of `annotations`."""

    image_id: int | str
    category_id: int | str
    id: int | str | None = None
    bbox: list[Number] | None = None
    area: Number | None = None
    iscrowd: int | bool | None = None
    segmentation: list[Any] | dict[str, Any] | None = None
    keypoints: list[Number] | None = None
    num_keypoints: int | None = None
    attributes: dict[str, Any] | None = None
    score: Number | None = None


class CocoRow(msgspec.Struct, gc=False):
    """An annotation on its way out; half the cost of a `dict`, and numbers stay as they came."""

    id: int
    image_id: int
    category_id: int
    bbox: Any
    area: Any
    iscrowd: int
    segmentation: Any
    attributes: Any = msgspec.UNSET
    score: Any = msgspec.UNSET
    keypoints: list[float] | msgspec.UnsetType = msgspec.UNSET
    num_keypoints: int | msgspec.UnsetType = msgspec.UNSET


class CocoImageRow(msgspec.Struct, gc=False):
    """An image on its way out."""

    id: int
    file_name: str
    width: int
    height: int
    tags: Sequence[str] | msgspec.UnsetType = msgspec.UNSET


class CocoCategory(msgspec.Struct):
    """An element of `categories`."""

    id: int | str
    name: str
    supercategory: str | None = None
    keypoints: list[str] | None = None
    skeleton: list[tuple[int, int]] | None = None
