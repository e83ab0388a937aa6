"""Models: v1 and v2. The weights come with the request as a form, or were uploaded before."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import Request

from synapse_sdk.wire.pages import Envelope
from synapse_sdk.wire.plugins import Model, ModelChange, ModelCreate
from web_helper.backend.api.context import WritingActor, begin_call, database_of, settings_of
from web_helper.backend.api.resource import Resource
from web_helper.backend.api.uploads import SentFile, form_schema, parse_fields, read_form, read_json
from web_helper.backend.queries.plugins import models as queries
from web_helper.backend.services.call import Actor, Call
from web_helper.backend.services.data.files import file_url, place_bytes, record_file
from web_helper.backend.services.data.storages import destination_of, storage_for
from web_helper.backend.services.plugins import models as service

_JSON_FIELDS = frozenset({"metadata", "plugin_release", "data_file", "chunked_upload"})
_BODY = form_schema(ModelCreate, file_required=False, with_json=True)


def _present(call: Call, row: Any) -> Model:
    return Model(
        id=row.id,
        name=row.name,
        plugin_release_id=row.plugin_release_id,
        data_file_id=row.data_file_id,
        version=row.version,
        metadata=row.metadata_,
        url=file_url(call, row.data_file, f"{row.name}-{row.version}") if row.data_file else None,
        sha256=row.data_file.sha256 if row.data_file else None,
        created=row.created,
    )


_models = Resource("models", queries.LISTING, Model, present=_present)
_models.listed()
_models.read()
_models.changed(service.update_model, ModelChange)
_models.deleted(service.delete_model)
router = _models.router


@router.post("/models/", status_code=HTTPStatus.CREATED, operation_id="v1_models_create", openapi_extra=_BODY)
async def create_model(request: Request, actor: WritingActor) -> Model:
    """Register a trained model."""
    return await _create(request, actor)


@router.post("/v2/models/", status_code=HTTPStatus.CREATED, operation_id="v2_models_create", openapi_extra=_BODY)
async def create_model_v2(request: Request, actor: WritingActor) -> Envelope[Model]:
    """Register a trained model."""
    model = await _create(request, actor)
    return Envelope[Model].model_validate({"data": model, "meta": {"request_id": request.state.request_id}})


async def _create(request: Request, actor: Actor) -> Model:
    if not request.headers.get("Content-Type", "").startswith("multipart/"):
        body = await read_json(request, ModelCreate)
        return await asyncio.to_thread(_store, request, actor, body, None)
    async with read_form(request, settings_of(request).max_upload_bytes) as (fields, sent):
        body = parse_fields(ModelCreate, fields, _JSON_FIELDS)
        return await asyncio.to_thread(_store, request, actor, body, sent)


def _store(request: Request, actor: Actor, body: ModelCreate, sent: SentFile | None) -> Model:
    content, storage_id = None, None
    if sent is not None:
        with begin_call(request, actor, database_of(request).read()) as call:
            storage_id, root = destination_of(call)
        content = place_bytes(root, sent.content, settings_of(request).max_upload_bytes)
    with begin_call(request, actor, database_of(request).write()) as call:
        if content is not None:
            file = record_file(call, storage_for(call, storage_id), content)
            body = body.model_copy(update={"data_file": file.id})
        return _present(call, service.create_model(call, body))
