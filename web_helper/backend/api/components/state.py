"""What workers ask all the time: whether anything has changed."""

from __future__ import annotations

import asyncio

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from synapse_sdk.wire.component_offer import OFFER
from synapse_sdk.wire.components import ComponentEnvelope, ComponentNegotiation, StoreState
from web_helper.backend.api.components.answers import create_component_router, plain_answer
from web_helper.backend.api.components.sync import as_offer
from web_helper.backend.api.context import SECURITY, key_of, read_call
from web_helper.backend.api.strict_json import StrictRoute
from web_helper.backend.services.components.negotiation import find_changed, negotiate, read_state

# Of more than these, a worker is told the paths: their contents are for a request that may take its time.
MAX_CONTENTS = 500
VARY = {"Vary": "Accept"}


class _StateRoute(StrictRoute):
    """Calls its handler as it is: to find out what that depends on takes as long as everything else here."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive)
        response = await state(request, request.query_params.get("since"))
        await response(scope, receive, send)


router = create_component_router()
router.route_class = _StateRoute


@router.get(
    "/state",
    operation_id="components_state",
    response_model=ComponentEnvelope[StoreState],
    responses={200: {"content": {OFFER: {}}}},
    openapi_extra={"security": SECURITY},
)
async def state(request: Request, since: str | None = None) -> Response:
    """What names the store's state, and what was changed since another: a worker without edits needs no more.

    With `Accept: application/vnd.synapse.component-offer` a few changes come as the negotiation about them.
    """
    # By the loop's own threads: the others may all be waiting for their turn to write.
    return await asyncio.to_thread(_tell_state, request, since)


def _tell_state(request: Request, since: str | None) -> Response:
    with read_call(request, key_of(request), or_worker=True) as call:
        # The state first: what is changed while this answers is told again, not left out.
        found = read_state(call)
        if since == found:
            changed: list[str] | None = []
        else:
            changed = None if since is None else find_changed(call, since)
        if changed and len(changed) <= MAX_CONTENTS and OFFER in request.headers.get("Accept", ""):
            question = ComponentNegotiation(need=changed, follow_imports=False)
            return Response(as_offer(call, negotiate(call, question, found)), media_type=OFFER, headers=VARY)
    return plain_answer({"state": found, "changed": changed}, VARY)
