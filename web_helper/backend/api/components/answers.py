"""The envelope of `/api/components`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter, BackgroundTasks, Request, Response

from synapse_sdk.wire.components import ComponentEnvelope, ComponentMeta
from web_helper.backend.api.context import database_of
from web_helper.backend.api.errors import ERROR_RESPONSES
from web_helper.backend.api.strict_json import StrictRoute
from web_helper.backend.models.base import utc_now
from web_helper.backend.services.components.changes import Outcome
from web_helper.backend.services.components.packed_frames import KEPT_FROM_BYTES, pack_ahead

T = TypeVar("T")
PREFIX = "/api/components"


def create_component_router() -> APIRouter:
    """A router below `/api/components`, whose paths do not end in a slash: they are those of the documented system."""
    return APIRouter(prefix=PREFIX, tags=["components"], responses=ERROR_RESPONSES, route_class=StrictRoute)


def answer(data: T, message: str = "ok") -> ComponentEnvelope[T]:
    """One answer in its envelope; what is in it was checked when it was made."""
    meta = ComponentMeta(message=message, timestamp=utc_now())
    made: ComponentEnvelope[T] = ComponentEnvelope.model_construct(data=data, meta=meta)
    return made


def plain_answer(data: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """An answer of plain values, which its route declares and no model goes through."""
    meta = {"message": "ok", "timestamp": utc_now(), "version": "1.0"}
    return Response(msgspec.json.encode({"data": data, "meta": meta}), media_type="application/json", headers=headers)


def pack_afterwards(request: Request, tasks: BackgroundTasks, outcome: Outcome) -> None:
    """Once a large change is committed and answered, pack what is active: the first worker that asks need not wait."""
    if outcome.added_bytes >= KEPT_FROM_BYTES:
        tasks.add_task(pack_ahead, database_of(request), request.app.state.kept_packed)
