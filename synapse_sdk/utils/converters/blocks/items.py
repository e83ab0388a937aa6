"""An item on the fast way: its annotations are decoded into typed records, in a third of the time of dicts.

Whatever does not fit the types, hostile or new, is decoded as plain JSON and goes the long way, with the same outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

Number = int | float
# Numbers stay what they are, whole or not. What lies left of or above its image, or has no size, is no plain shape.
Place = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]
Side = Annotated[int, Meta(gt=0)] | Annotated[float, Meta(gt=0)]
Outline = Annotated[list[Place], Meta(min_length=6)]
C = TypeVar("C")
A = TypeVar("A")


class BlockItem(msgspec.Struct, array_like=True, gc=False):
    """One item, with all that the order of items decides.

    Attributes:
        id: The item's id.
        name: File name of its image, safe and unique.
        data: Its annotation data as JSON text.
        width: Of its image; 0 when unknown to a format that does not need it.
        image_id: The image's id, where the format has one.
        note: What the loss report says about that id; empty when there is nothing to say.
        skip: Why the item is left out; empty when it is not.
    """

    id: int | str
    name: str
    data: memoryview = memoryview(b"null")
    split: str | None = None
    width: int = 0
    height: int = 0
    tags: Sequence[str] = ()
    image_id: int = 0
    note: str = ""
    skip: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


class TypedAnnotation(msgspec.Struct, Generic[C, A], gc=False, forbid_unknown_fields=True):
    """A `synapse_sdk.wire.annotations.Annotation` with a box, perhaps an outline, and attributes, as most are.

    What is absent stays `UNSET`, which is false. A field more, or a class that the schema does not have, and the whole
    item goes the long way.
    """

    category: C
    type: Literal["bbox", "polygon"] | UnsetType = UNSET
    bbox: tuple[Place, Place, Side, Side] | UnsetType | None = UNSET
    segmentation: list[Outline] | UnsetType | None = UNSET
    attributes: A | UnsetType = UNSET
    id: int | str | UnsetType | None = UNSET

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON decodes it."""
        found = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}
        if isinstance(self.attributes, msgspec.Raw):
            found["attributes"] = msgspec.json.decode(self.attributes)
        return found


class _Data(msgspec.Struct, Generic[C, A], gc=False):
    annotations: list[TypedAnnotation[C, A]] | None = None


# Attributes as JSON text, for a format that passes them on; as values, for one that has to look at them.
TEXT: Any = msgspec.Raw
VALUES: Any = dict[str, Any] | None
NO_ATTRIBUTES = msgspec.Raw(b"null")
Typed = TypedAnnotation[str, Any]


def typed_decoder(categories: Sequence[str], attributes: Any) -> Callable[[memoryview], list[Typed] | None]:
    """What decodes annotation data whose classes are among these, or answers None when it has to go the long way."""
    # A class that is one of few is found, where any text would be made anew each time.
    category: Any = Literal[tuple(categories)] if categories else str
    decode = msgspec.json.Decoder(_Data[category, attributes] | None).decode

    def typed_annotations(data: memoryview) -> list[Typed] | None:
        try:
            decoded = decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return (decoded.annotations or []) if decoded is not None else []

    return typed_annotations
