"""Files: announcing and confirming uploads, sending one in a form, fetching bytes. v1 and v2."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request, Response

from synapse_sdk.wire.data import ChecksumAnswer, ChecksumQuestion, DataFile
from synapse_sdk.wire.files import ConfirmUploadRequest, PresignedUploadRequest, UploadArrival, UploadTicket
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import ReadingActor, Writing, WritingActor, begin_call, database_of, settings_of
from web_helper.backend.api.data.downloads import answer_download
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.api.uploads import SentFile, read_form, require_file
from web_helper.backend.models import FileStatus
from web_helper.backend.queries.data import files as queries
from web_helper.backend.services.call import Actor, Call
from web_helper.backend.services.data import files as service
from web_helper.backend.services.data.storages import destination_of, storage_for

StorageId = Annotated[int | None, Query(description="Default: the installation's default storage.")]
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def _present(call: Call, row: Any) -> DataFile:
    return DataFile(
        id=row.id,
        storage_id=row.storage_id,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        status=row.status,
        url=service.file_url(call, row) if row.status == FileStatus.CONFIRMED else None,
        created=row.created,
    )


_files = Resource("data_files", queries.LISTING, DataFile, present=_present)
_files.listed()
_files.read()
router = _files.router


@router.post("/v2/data-files/presigned-upload/", operation_id="v2_data_files_presigned_upload")
def announce_files(call: Writing, body: PresignedUploadRequest) -> Envelope[list[UploadTicket]]:
    """Announce up to 200 files; the answer says which the server has and where to send the rest."""
    tickets = service.announce_files(call, body.files, body.storage)
    return Envelope[list[UploadTicket]].model_validate(envelope(call, tickets))


@router.post("/v2/data-files/confirm-upload/", operation_id="v2_data_files_confirm_upload")
def confirm_uploads(call: Writing, body: ConfirmUploadRequest) -> Envelope[list[UploadArrival]]:
    """Let the server check which files have arrived."""
    return Envelope[list[UploadArrival]].model_validate(envelope(call, service.confirm_uploads(call, body.ids)))


@router.post("/data_files/verify_checksums/", operation_id="v1_data_files_verify_checksums")
def verify_checksums(call: Writing, body: ChecksumQuestion) -> ChecksumAnswer:
    """Which contents are there, by SHA-256."""
    existing = service.find_checksums(call, body.checksums)
    return ChecksumAnswer(existing=existing, missing=[sha256 for sha256 in body.checksums if sha256 not in existing])


@router.post("/data_files/", status_code=HTTPStatus.CREATED, operation_id="v1_data_files_create", openapi_extra=_FORM)
async def create_file(request: Request, actor: WritingActor, storage: StorageId = None) -> DataFile:
    """Send one file in a form; the same bytes again answer the same file."""
    async with read_form(request, settings_of(request).max_upload_bytes) as (_, sent):
        return await asyncio.to_thread(_store, request, actor, require_file(sent), storage)


def _store(request: Request, actor: Actor, sent: SentFile, storage_id: int | None) -> DataFile:
    with begin_call(request, actor, database_of(request).read()) as call:
        storage_id, root = destination_of(call, storage_id)
    content = service.place_bytes(root, sent.content, settings_of(request).max_upload_bytes)
    with begin_call(request, actor, database_of(request).write()) as call:
        return _present(call, service.record_file(call, storage_for(call, storage_id), content))


def _download(request: Request, actor: Actor, item_id: int) -> Response:
    with begin_call(request, actor, database_of(request).read()) as call:
        file = service.complete_file(call, item_id)
        target = service.object_of(call, file)
    return answer_download(request, target, f"{file.sha256}")


def read_content(request: Request, actor: ReadingActor, item_id: int) -> Response:
    """Bytes of a file; `Range` takes up a broken download."""
    return _download(request, actor, item_id)


for _version, _path in (("v1", "/data_files/{item_id}/content/"), ("v2", "/v2/data-files/{item_id}/content/")):
    for _method in ("GET", "HEAD"):
        router.add_api_route(
            _path,
            read_content,
            methods=[_method],
            response_class=Response,
            operation_id=f"{_version}_data_files_content_{_method.lower()}",
        )
