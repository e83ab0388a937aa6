"""Routers of experiments, devices and notifications; their answers are those of `/api/components`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from synapse_sdk.wire.components import ExperimentUid
from web_helper.backend.api.components.answers import answer
from web_helper.backend.api.errors import ERROR_RESPONSES
from web_helper.backend.api.strict_json import StrictRoute

__all__ = ["Uid", "answer", "create_api_router"]

Uid = Annotated[ExperimentUid, Path(description="The experiment.")]


def create_api_router(noun: str) -> APIRouter:
    """A router below `/api/<noun>`, whose paths do not end in a slash, as the neighbours' do."""
    return APIRouter(prefix=f"/api/{noun}", tags=[noun], responses=ERROR_RESPONSES, route_class=StrictRoute)
