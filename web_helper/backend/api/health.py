"""Whether the server can answer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from synapse_sdk.utils.distribution import installed_version
from web_helper.backend.api.context import database_of
from web_helper.backend.api.errors import ERROR_MODEL

router = APIRouter(tags=["health"], responses=ERROR_MODEL)


class Health(BaseModel):
    """The server answers, and so does its database."""

    status: Literal["ok"] = "ok"
    database: Literal["ok"] = "ok"
    version: str = Field(default_factory=installed_version, description="Version of the platform.")


@router.get("/health/")
def check_health(request: Request) -> Health:
    """Ask the database one thing; needs no token."""
    database_of(request).ping()
    return Health()
