"""What a batch of annotated items asks for, decided without the database: class ids, texts to store, what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic import ValidationError

from synapse_sdk.wire.annotations import AnnotationData, ClassDefinition, ClassSchema
from synapse_sdk.wire.errors import FieldError
from synapse_sdk.wire.imports import ImportItem

# Enough to see the pattern of what is wrong; a batch may hold thousands of equal mistakes.
MAX_PROBLEMS = 100


@dataclass(frozen=True)
class PlannedItem:
    """One item with its annotations as the text that is stored, and the class names in order of appearance."""

    index: int
    item: ImportItem
    text: str | None
    class_names: tuple[str, ...]


def plan_items(items: Sequence[ImportItem]) -> tuple[list[PlannedItem], list[FieldError]]:
    """Check every item by itself and within its batch."""
    problems = _repeated_keys(items)
    planned = []
    for index, item in enumerate(items):
        if item.data is None:
            planned.append(PlannedItem(index, item, None, ()))
            continue
        text = msgspec.json.encode(item.data)
        try:
            # Strict, because the text is stored as it came: a coordinate written as "12" would stay a string.
            checked = AnnotationData.model_validate_json(text, strict=True)
        except ValidationError as exc:
            problems += _field_errors(f"items.{index}.data", exc)
            continue
        problems += _repeated_ids(index, checked)
        names = tuple(dict.fromkeys(annotation.category for annotation in checked.annotations))
        planned.append(PlannedItem(index, item, text.decode(), names))
    return planned, problems[:MAX_PROBLEMS]


def add_classes(schema: ClassSchema, names: Iterable[str]) -> ClassSchema | None:
    """The schema with the names that it lacks, each with the next id; None when it lacks none."""
    known = {definition.name for definition in schema.classes}
    missing = [name for name in dict.fromkeys(names) if name not in known]
    if not missing:
        return None
    first = max((definition.id for definition in schema.classes), default=0) + 1
    added = [ClassDefinition(id=first + offset, name=name) for offset, name in enumerate(missing)]
    return ClassSchema(classes=[*schema.classes, *added])


def refuse_new_classes(schema: ClassSchema, planned: Iterable[PlannedItem]) -> list[FieldError]:
    """One problem for each item with a class that the project does not have."""
    known = {definition.name for definition in schema.classes}
    return [
        FieldError(
            field=f"items.{plan.index}.data",
            message=f"the project has no class {name!r}; add it, or import with create_classes.",
        )
        for plan in planned
        for name in plan.class_names
        if name not in known
    ][:MAX_PROBLEMS]


def is_same_data(stored: str | None, text: str | None) -> bool:
    """Whether two stored annotations say the same; how numbers are written does not matter."""
    if stored == text or stored is None or text is None:
        return stored == text
    same: bool = msgspec.json.decode(stored) == msgspec.json.decode(text)
    return same


def class_schema_of(configuration: Mapping[str, Any]) -> ClassSchema:
    """The class schema in a project's configuration; empty when there is none."""
    return ClassSchema.model_validate(configuration.get("class_schema") or {})


def _repeated_keys(items: Sequence[ImportItem]) -> list[FieldError]:
    seen: set[str] = set()
    problems = []
    for index, item in enumerate(items):
        if item.key in seen:
            problems.append(FieldError(field=f"items.{index}.key", message="is twice in this batch."))
        seen.add(item.key)
    return problems


def _repeated_ids(index: int, data: AnnotationData) -> list[FieldError]:
    ids = [annotation.id for annotation in data.annotations if annotation.id is not None]
    if len(set(ids)) == len(ids):
        return []
    return [FieldError(field=f"items.{index}.data.annotations", message="two annotations have the same id.")]


def _field_errors(field: str, error: ValidationError) -> list[FieldError]:
    return [
        FieldError(field=".".join([field, *map(str, entry["loc"])]), message=entry["msg"])
        for entry in error.errors(include_url=False, include_context=False, include_input=False)
    ]
