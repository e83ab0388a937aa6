"""The negotiation: one request, one compressed answer."""

from __future__ import annotations

from fastapi import Request, Response

from synapse_sdk.wire.components import ComponentEnvelope, ComponentNegotiation, ComponentOffer, StoreState
from web_helper.backend.api.components.answers import answer, create_component_router
from web_helper.backend.api.context import SharedReading
from web_helper.backend.services.components.negotiation import find_changed, negotiate, read_state
from web_helper.backend.services.exports.packing import choose_packing, pack

# Whole sets of sources go to machines that may be far away: the first level that brings them to a fifth.
LEVEL = 7
router = create_component_router()


@router.get("/state", operation_id="components_state")
def state(call: SharedReading, since: str | None = None) -> ComponentEnvelope[StoreState]:
    """What names the store's state, and what was changed since another: a worker without edits needs no more."""
    # The state first: what is changed while this answers is told again, not left out.
    found = read_state(call)
    return answer(StoreState(state=found, changed=None if since is None else find_changed(call, since)))


@router.post("/sync", operation_id="components_sync", response_model=ComponentEnvelope[ComponentOffer])
def sync(call: SharedReading, request: Request, body: ComponentNegotiation) -> Response:
    """What a worker lacks of what it needs, imports included; what it has already is not sent."""
    content = answer(negotiate(call, body)).model_dump_json().encode()
    packing = choose_packing(request.headers.get("Accept-Encoding", ""))
    headers = {"Vary": "Accept-Encoding"}
    if packing is not None:
        content = b"".join(pack((block for block in (content,)), packing, LEVEL))
        headers["Content-Encoding"] = packing.value
    return Response(content, media_type="application/json", headers=headers)
