"""An item on the fast way: its annotations are decoded into typed records, in a third of the time of dicts.

Whatever does not fit the types, hostile or new, is decoded as plain JSON and goes the long way, with the same outcome.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

Number = int | float


class BlockItem(msgspec.Struct, array_like=True, gc=False):
    """One item, with all that the order of items decides.

    Attributes:
        id: The item's id.
        name: File name of its image, safe and unique.
        data: Its annotation data as JSON text.
        image_id: The image's id, where the format has one.
        note: What the loss report says about that id; empty when there is nothing to say.
        skip: Why the item is left out; empty when it is not.
    """

    id: int | str
    name: str
    data: bytes
    split: str | None = None
    width: int = 0
    height: int = 0
    tags: list[str] = []
    image_id: int = 0
    note: str = ""
    skip: str = ""


class TypedAnnotation(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A `synapse_sdk.wire.annotations.Annotation` with a box, perhaps an outline, and attributes, as most are.

    What is absent stays `UNSET`, which is false. A field more, and the whole item goes the long way.
    """

    category: str
    type: str | UnsetType = UNSET
    bbox: tuple[Number, Number, Number, Number] | UnsetType | None = UNSET
    segmentation: list[list[Number]] | UnsetType | None = UNSET
    attributes: dict[str, Any] | UnsetType | None = UNSET
    id: int | str | UnsetType | None = UNSET

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON decodes it."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}


class _Data(msgspec.Struct, gc=False):
    annotations: list[TypedAnnotation] | None = None


_decode = msgspec.json.Decoder(_Data | None).decode


def typed_annotations(data: bytes) -> list[TypedAnnotation] | None:
    """The annotations of annotation data, or None when they have to go the long way."""
    try:
        decoded = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return (decoded.annotations or []) if decoded is not None else []
