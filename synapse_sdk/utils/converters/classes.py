"""Class names to numbers, pinned to the project's class schema: adding a class never moves another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from synapse_sdk.exceptions import FormatError

if TYPE_CHECKING:
    from synapse_sdk.wire.annotations import ClassSchema


class ClassEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A `ClassDefinition` that was checked: a process that converts blocks must not wait for pydantic to load."""

    id: int
    name: str
    supercategory: str | None = None
    color: str | None = None
    keypoints: list[str] | None = None
    skeleton: list[tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class ClassMap:
    """The classes of one export.

    Attributes:
        ids: Name to the schema's id, for formats that keep ids (COCO).
        indexes: Name to the place in the schema from 0, for formats that count (YOLO).
        names: Names by place.
    """

    definitions: tuple[ClassEntry, ...]
    ids: dict[str, int]
    indexes: dict[str, int]
    names: tuple[str, ...]

    @classmethod
    def from_schema(cls, schema: ClassSchema) -> ClassMap:
        """Build from a project's schema, in the order of the ids.

        Raises:
            FormatError: Two classes share a name or an id.
        """
        return cls.from_entries(msgspec.convert(schema.model_dump()["classes"], list[ClassEntry]))

    @classmethod
    def from_entries(cls, entries: list[ClassEntry]) -> ClassMap:
        """Build from the entries of another process's map, or of a schema.

        Raises:
            FormatError: Two classes share a name or an id.
        """
        definitions = tuple(sorted(entries, key=lambda definition: definition.id))
        names = tuple(definition.name for definition in definitions)
        ids = {definition.name: definition.id for definition in definitions}
        if len(ids) < len(names) or len(set(ids.values())) < len(names):
            raise FormatError("Two classes of the schema share a name or an id. Give each its own, then export again.")
        return cls(definitions, ids, {name: index for index, name in enumerate(names)}, names)
