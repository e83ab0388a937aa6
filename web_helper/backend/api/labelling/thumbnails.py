"""Thumbnails of data files. A file's content never changes, so neither does its thumbnail: browsers may keep it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import Query, Request, Response
from starlette.responses import FileResponse

from web_helper.backend.api.context import ReadingActor, begin_call, database_of
from web_helper.backend.api.resource import create_router
from web_helper.backend.services.call import Actor
from web_helper.backend.services.data import files
from web_helper.backend.services.labelling.thumbnails import SIZES, Thumbnails, check_size

_SIZES_TEXT = ", ".join(map(str, SIZES))
Size = Annotated[int, Query(description=f"Pixels of the longer side: one of {_SIZES_TEXT}.")]
_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    # What one caller may see, the next one of the same browser may not.
    "Vary": "Authorization, Cookie",
}
_ANSWERS: dict[int | str, dict[str, object]] = {
    200: {"content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The picture that the caller has is still right."},
}

router = create_router("data_files")


def thumbnail_path(file_id: int, size: int) -> str:
    """Where the thumbnail of a file is."""
    return f"/v2/data-files/{file_id}/thumbnail/?size={size}"


@router.get(
    "/v2/data-files/{item_id}/thumbnail/",
    response_class=Response,
    responses=_ANSWERS,
    operation_id="v2_data_files_thumbnail",
)
async def read_thumbnail(request: Request, actor: ReadingActor, item_id: int, size: Size = SIZES[0]) -> Response:
    """A small WebP of an image file; 422 for what is no image, a broken or a too large one."""
    check_size(size)
    sha256, source = await asyncio.to_thread(_find, request, actor, item_id)
    etag = f'"{sha256}-{size}"'
    headers = {**_HEADERS, "ETag": etag}
    if request.headers.get("If-None-Match") == etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    thumbnails: Thumbnails = request.app.state.thumbnails
    path = await asyncio.to_thread(thumbnails.find, sha256, size)
    if path is None:
        path = await asyncio.wrap_future(thumbnails.make(sha256, size, source))
    return FileResponse(path, headers=headers, media_type="image/webp")


def _find(request: Request, actor: Actor, item_id: int) -> tuple[str, Path]:
    with begin_call(request, actor, database_of(request).read()) as call:
        file = files.complete_file(call, item_id)
        return file.sha256, files.object_of(call, file)
