"""The negotiation: one request, one compressed answer."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends, Request, Response

from synapse_sdk.wire.components import (
    MSGPACK,
    ComponentEnvelope,
    ComponentNegotiation,
    ComponentOffer,
    StoreState,
)
from web_helper.backend.api.components.answers import answer, create_component_router
from web_helper.backend.api.context import SharedReading
from web_helper.backend.services.components.kept_answers import KeptAnswers, name_answer
from web_helper.backend.services.components.negotiation import Offered, find_changed, negotiate, read_state
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


async def kept_answers_of(request: Request) -> KeptAnswers:
    """The process's packed answers."""
    kept: KeptAnswers = request.app.state.kept_answers
    return kept


@router.post(
    "/sync",
    operation_id="components_sync",
    response_model=ComponentEnvelope[ComponentOffer],
    responses={200: {"content": {MSGPACK: {}}}},
)
def sync(
    call: SharedReading,
    request: Request,
    body: ComponentNegotiation,
    kept: Annotated[KeptAnswers, Depends(kept_answers_of)],
) -> Response:
    """What a worker lacks of what it needs, imports included; what it has already is not sent.

    With `Accept: application/vnd.msgpack` the same as MessagePack, the contents as bytes.
    """
    packing = choose_packing(request.headers.get("Accept-Encoding", ""))
    form = MSGPACK if MSGPACK in request.headers.get("Accept", "") else "application/json"
    state = read_state(call)
    name = name_answer(state, body, form, str(packing))
    content = kept.find(name)
    if content is None:
        offered = negotiate(call, body, state)
        content = _as_msgpack(offered) if form == MSGPACK else _as_json(offered)
        if packing is not None:
            content = b"".join(pack((block for block in (content,)), packing, LEVEL))
        kept.keep(name, content)
    headers = {"Vary": "Accept, Accept-Encoding"}
    if packing is not None:
        headers["Content-Encoding"] = packing.value
    return Response(content, media_type=form, headers=headers)


def _as_json(offered: Offered) -> bytes:
    contents = {digest: content.decode() for digest, content in offered.contents.items()}
    return answer(offered.offer.model_copy(update={"contents": contents})).model_dump_json().encode()


def _as_msgpack(offered: Offered) -> bytes:
    found = answer(offered.offer).model_dump(mode="json")
    found["data"]["contents"] = offered.contents
    return msgspec.msgpack.encode(found)
