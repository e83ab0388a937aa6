"""Giving out an object's bytes: whole or in part, under a name that cannot do harm, never as a page of this site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import quote as quote_string
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from synapse_sdk.wire.errors import ErrorCode
from web_helper.backend.api.errors import error_answer
from web_helper.backend.core.problems import NotFoundProblem
from web_helper.backend.services.data.objects import facts_of, read_blocks

# Types that a browser shows but never runs. Everything else is bytes to be saved.
_TYPES = {
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".zip": "application/zip",
}
_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-transform",
    "Accept-Ranges": "bytes",
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
MAX_NAME_CHARACTERS = 255


@dataclass(frozen=True)
class ByteRange:
    """Part of an object: `length` bytes from `start`."""

    start: int
    length: int


class RangeRefusedError(ValueError):
    """The object has no such part."""


def parse_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """The part that a `Range` header asks for; None for the whole, also when it asks for several parts.

    Raises:
        RangeRefusedError: The object ends before the part begins.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size_bytes)
        start, end = size_bytes - length, size_bytes - 1
    else:
        start = int(first)
        end = min(int(last), size_bytes - 1) if last else size_bytes - 1
    if last and first and int(last) < start:
        return None
    if start >= size_bytes or end < start:
        raise RangeRefusedError
    return ByteRange(start, end - start + 1)


def content_disposition(name: str) -> str:
    """A header that saves under `name`: its last part, without what a header or a file system would reinterpret."""
    base = PurePosixPath(name.replace("\\", "/")).name
    clean = "".join(character for character in base if character.isprintable()).strip(". ")[:MAX_NAME_CHARACTERS]
    clean = clean.encode("utf-8", "ignore").decode() or "download"
    plain = clean.encode("ascii", "replace").decode().replace("?", "_").replace("%", "_")
    return f"attachment; filename=\"{quote_string(plain)}\"; filename*=UTF-8''{quote(clean, safe='')}"


def answer_download(request: Request, target: Path, name: str) -> Response:
    """The object's bytes for GET, their headers for HEAD; honours `Range` and `If-Range`."""
    facts = facts_of(target)
    if facts is None:
        raise NotFoundProblem("The object is not in its storage.")
    etag = f'"{facts.etag}"'
    headers = {**_SAFE_HEADERS, "ETag": etag, "Content-Disposition": content_disposition(name)}
    wanted = request.headers.get("Range")
    if request.headers.get("If-Range", etag) != etag:
        wanted = None
    try:
        part = parse_range(wanted, facts.size_bytes)
    except RangeRefusedError:
        return _refuse_range(request, facts.size_bytes)
    start, length = (part.start, part.length) if part else (0, facts.size_bytes)
    headers["Content-Length"] = str(length)
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{facts.size_bytes}"
    status = HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK
    media_type = _TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(read_blocks(target, start, length), status, headers, media_type=media_type)


def _refuse_range(request: Request, size_bytes: int) -> Response:
    response = error_answer(
        request.state.request_id,
        ErrorCode.VALIDATION_ERROR,
        f"The object has {size_bytes} bytes; the range begins beyond them.",
        status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    )
    response.headers["Content-Range"] = f"bytes */{size_bytes}"
    return response
