"""Stored annotation data behind signed links: what presigned bulk answers point to."""

from __future__ import annotations

from fastapi import Request, Response

from synapse_sdk.wire.annotations import AnnotationData
from web_helper.backend.api.context import Signer, database_of
from web_helper.backend.api.resource import create_router
from web_helper.backend.api.work.row_resource import json_answer
from web_helper.backend.services.work.rows import read_payload

router = create_router("payloads")


@router.get("/payloads/{token}/", response_model=AnnotationData)
def fetch_payload(request: Request, signer: Signer, token: str) -> Response:
    """The annotation data of one row; the link is the permission."""
    grant = signer.read_payload_token(token)
    with database_of(request).read() as session:
        return json_answer(read_payload(session, grant))
