"""Objects behind signed links: the link itself is the permission, so these answer without a token."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from web_helper.backend.api.context import Signer, database_of
from web_helper.backend.api.data.downloads import answer_download
from web_helper.backend.api.resource import create_router
from web_helper.backend.core.problems import PermissionProblem
from web_helper.backend.core.signing import ObjectGrant, Operation, UrlSigner
from web_helper.backend.services.data import objects, storages
from web_helper.backend.services.data.objects import Announced

router = create_router("objects")
_PATH = "/objects/{token}/{path:path}"


@router.get(_PATH, operation_id="objects_get", response_class=Response)
def get_object(request: Request, signer: Signer, token: str, path: str) -> Response:
    """Bytes of an object; `Range` takes up a broken download."""
    return _download(request, signer, token, path)


@router.head(_PATH, operation_id="objects_head", response_class=Response)
def head_object(request: Request, signer: Signer, token: str, path: str) -> Response:
    """Size and type of an object."""
    return _download(request, signer, token, path)


@router.put(
    _PATH,
    operation_id="objects_put",
    status_code=HTTPStatus.NO_CONTENT,
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": {"format": "binary"}}}}},
)
async def put_object(request: Request, signer: Signer, token: str, path: str) -> Response:
    """Bytes of an announced file. They become visible when all have come and size and SHA-256 are right."""
    grant = _granted(signer, token, path, Operation.PUT)
    announced = Announced(grant.sha256 or "", grant.size_bytes or 0)
    objects.check_declared_size(request.headers.get("Content-Length"), announced)
    root = await asyncio.to_thread(_root_of, request, grant)
    try:
        await objects.receive_object(root, path, announced, request.stream())
    except ClientDisconnect:
        # Nobody is left to answer; what came was thrown away.
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _download(request: Request, signer: UrlSigner, token: str, path: str) -> Response:
    grant = _granted(signer, token, path, Operation.GET)
    target = objects.object_at(_root_of(request, grant), path)
    return answer_download(request, target, grant.file_name or PurePosixPath(path).name)


def _granted(signer: UrlSigner, token: str, path: str, operation: Operation) -> ObjectGrant:
    grant = signer.read_object_token(token)
    objects.check_object_path(path)
    if grant.operation is not operation or not grant.allows(path):
        raise PermissionProblem("The link does not allow this.")
    return grant


def _root_of(request: Request, grant: ObjectGrant) -> Path:
    with database_of(request).read() as session:
        return storages.root_of(session, grant.storage_id, by=grant.signed)
