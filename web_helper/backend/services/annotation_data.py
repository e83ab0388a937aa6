"""Annotation data on its way in: checked against the schema once, then kept as the text that scans pass on."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import ValidationError

from synapse_sdk.wire.annotations import AnnotationData, ClassSchema
from synapse_sdk.wire.errors import FieldError
from web_helper.backend.core.problems import ValidationProblem

MAX_REPORTED_ERRORS = 10


def encode_annotation_data(data: Any, schema: ClassSchema) -> str:
    """The compact JSON text of valid annotation data.

    Raises:
        ValidationProblem: It does not fit `AnnotationData`, repeats an annotation id, or names a class that the
            project does not have. A project without classes takes any name.
    """
    text = msgspec.json.encode(data)
    check_annotation_text(text, schema)
    return text.decode()


def check_annotation_text(text: bytes, schema: ClassSchema) -> AnnotationData:
    """Annotation data that came as JSON.

    Raises:
        ValidationProblem: As `encode_annotation_data`.
    """
    try:
        # Strict, because the text is stored as it came: a coordinate written as "12" would stay a string.
        checked = AnnotationData.model_validate_json(text, strict=True)
    except ValidationError as exc:
        details = [
            FieldError(field=".".join(["data", *map(str, error["loc"])]), message=error["msg"])
            for error in exc.errors(include_url=False)[:MAX_REPORTED_ERRORS]
        ]
        raise ValidationProblem(f"{details[0].field}: {details[0].message}", details) from exc
    _refuse_repeated_ids(checked)
    _refuse_unknown_classes(checked, schema)
    return checked


def _refuse_repeated_ids(data: AnnotationData) -> None:
    seen: set[int | str] = set()
    for index, annotation in enumerate(data.annotations):
        if annotation.id is None:
            continue
        if annotation.id in seen:
            field = f"data.annotations.{index}.id"
            raise ValidationProblem.of_field(field, f"{annotation.id!r} is used twice in this item.")
        seen.add(annotation.id)


def _refuse_unknown_classes(data: AnnotationData, schema: ClassSchema) -> None:
    names = {definition.name for definition in schema.classes}
    if not names:
        return
    for index, annotation in enumerate(data.annotations):
        if annotation.category not in names:
            field = f"data.annotations.{index}.category"
            message = f"{annotation.category!r} is no class of this project; add it to the class schema first."
            raise ValidationProblem.of_field(field, message)
