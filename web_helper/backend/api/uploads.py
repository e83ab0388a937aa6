"""Forms with a file: read only after the caller is known, and never more than is allowed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

import msgspec
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from web_helper.backend.core.problems import TooLargeProblem, ValidationProblem

FILE_FIELD = "file"
# Headers of the parts, and the small fields.
FORM_OVERHEAD_BYTES = 2**20
MAX_FIELDS = 20

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class SentFile:
    """A file that came in a form; `content` is on disk when it is large."""

    name: str
    content: BinaryIO


@asynccontextmanager
async def read_form(request: Request, max_file_bytes: int) -> AsyncIterator[tuple[dict[str, str], SentFile | None]]:
    """The text fields and the file of a form; the file is gone at the end.

    Raises:
        TooLargeProblem: It is larger than a file may be.
        ValidationProblem: It does not say how long it is, or has several files.
    """
    if not request.headers.get("Content-Type", "").startswith("multipart/form-data"):
        raise ValidationProblem("Send a multipart form with the file in the field 'file'.")
    declared = request.headers.get("Content-Length", "")
    if not declared.isdigit():
        raise ValidationProblem("Send the form with a Content-Length.")
    if int(declared) > max_file_bytes + FORM_OVERHEAD_BYTES:
        raise TooLargeProblem(f"The file has more bytes than this server takes ({max_file_bytes}).")
    async with request.form(max_files=1, max_fields=MAX_FIELDS) as form:
        yield _parts_of(form)


def _parts_of(form: FormData) -> tuple[dict[str, str], SentFile | None]:
    fields: dict[str, str] = {}
    sent: SentFile | None = None
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields[name] = value
        elif name != FILE_FIELD:
            raise ValidationProblem.of_field(name, f"no file is expected here; send it as {FILE_FIELD!r}.")
        else:
            sent = SentFile(value.filename or "upload", value.file)
    return fields, sent


def require_file(sent: SentFile | None) -> SentFile:
    """The file of a form that must have one."""
    if sent is None:
        raise ValidationProblem.of_field(FILE_FIELD, "is missing.")
    return sent


def parse_fields(model: type[M], fields: Mapping[str, str], json_fields: frozenset[str]) -> M:
    """The model that a form's fields spell; some of them hold JSON."""
    document: dict[str, Any] = dict(fields)
    for name in json_fields & document.keys():
        try:
            document[name] = msgspec.json.decode(fields[name])
        except (msgspec.DecodeError, RecursionError) as exc:
            raise ValidationProblem.of_field(name, "must be JSON.") from exc
    if "\0" in "".join(fields.values()):
        raise ValidationProblem("NUL characters are not allowed.")
    return _validated(model, document)


async def read_json(request: Request, model: type[M]) -> M:
    """The model in a JSON body, for handlers that also take forms."""
    try:
        document = await request.json()
    except json.JSONDecodeError as exc:
        raise ValidationProblem(f"The body is not JSON: {exc.msg}.") from exc
    return _validated(model, document)


def _validated(model: type[M], document: Any) -> M:
    try:
        return model.model_validate(document)
    except ValidationError as exc:
        raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in exc.errors()]) from exc


def form_schema(model: type[BaseModel], *, file_required: bool = True, with_json: bool = False) -> dict[str, Any]:
    """What OpenAPI says about a form of the model's fields and a file, or a JSON document beside it."""
    plain = _schema_of(model)
    form = _schema_of(model)
    form["properties"][FILE_FIELD] = {"type": "string", "format": "binary"}
    if file_required:
        form["required"] = [*form.get("required", []), FILE_FIELD]
    content = {"multipart/form-data": {"schema": form}}
    if with_json:
        content["application/json"] = {"schema": plain}
    return {"requestBody": {"required": True, "content": content}}


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    # OpenAPI has no place for definitions inside a schema, and free JSON needs none.
    schema.pop("$defs", None)
    for name, field in schema["properties"].items():
        if "JsonValue" in str(field):
            schema["properties"][name] = {"type": "object", "title": field.get("title", name)}
    return schema
