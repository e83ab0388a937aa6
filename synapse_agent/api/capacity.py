"""Would it fit on this host now?"""

from __future__ import annotations

from fastapi import APIRouter, Request

from synapse_agent.services.serving import CapacityGate
from synapse_sdk.wire.serve import CapacityAnswer, CapacityRequest

router = APIRouter()


@router.post("/capacity/check/")
def check_capacity(request: Request, body: CapacityRequest) -> CapacityAnswer:
    """Answer from what is really free."""
    capacity: CapacityGate = request.app.state.serving.capacity
    return capacity.check(body)
