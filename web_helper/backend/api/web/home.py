"""The summary behind the first page."""

from __future__ import annotations

from fastapi import Request

from synapse_sdk.wire.home import Home
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import Reading
from web_helper.backend.api.resource import create_router, envelope
from web_helper.backend.services.home import UseMeter, show_home

router = create_router("home")


@router.get("/v2/home/", operation_id="v2_home_read")
def read_home(call: Reading, request: Request) -> Envelope[Home]:
    """What runs now, what failed lately, what waits for the caller, and what is kept."""
    meter: UseMeter = request.app.state.use_meter
    return Envelope[Home].model_validate(envelope(call, show_home(call, meter)))
