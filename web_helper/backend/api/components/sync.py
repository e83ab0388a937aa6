"""The negotiation: one request, one compressed answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Response

from synapse_sdk.wire.component_offer import OFFER, HeadVersion, OfferHead, pack_offer
from synapse_sdk.wire.components import ComponentEnvelope, ComponentNegotiation, ComponentOffer
from web_helper.backend.api.components.answers import answer, create_component_router
from web_helper.backend.api.context import SharedReading
from web_helper.backend.services.components.kept_answers import KeptAnswers, name_answer
from web_helper.backend.services.components.negotiation import Offered, negotiate, read_state
from web_helper.backend.services.exports.packing import Packing, choose_packing, pack

# Whole sets of sources go to many machines that may be far away: packed once, by the first level that brings them to a
# fifth. What is smaller is packed for one worker, which would wait longer for packing than for a tenth more bytes.
KEPT_FROM_BYTES = 2**20
KEPT_LEVEL, QUICK_LEVEL = 6, 1
# Whoever asks first waits for it, and all others that ask meanwhile.
KEPT_THREADS = 2
router = create_component_router()


async def kept_answers_of(request: Request) -> KeptAnswers:
    """The process's packed answers."""
    kept: KeptAnswers = request.app.state.kept_answers
    return kept


@router.post(
    "/sync",
    operation_id="components_sync",
    response_model=ComponentEnvelope[ComponentOffer],
    responses={200: {"content": {OFFER: {}}}},
)
def sync(
    call: SharedReading,
    request: Request,
    body: ComponentNegotiation,
    kept: Annotated[KeptAnswers, Depends(kept_answers_of)],
) -> Response:
    """What a worker lacks of what it needs, imports included; what it has already is not sent.

    With `Accept: application/vnd.synapse.component-offer` as bytes that can be unpacked one after the other.
    """
    is_offer = OFFER in request.headers.get("Accept", "")
    packing = None if is_offer else choose_packing(request.headers.get("Accept-Encoding", ""))
    form = OFFER if is_offer else "application/json"
    state = read_state(call)
    name = name_answer(state, body, form, str(packing))
    # A new version is asked for by all workers at once: one of them waits for packing, the others for that one.
    with kept.turn(name):
        content = kept.find(name)
        if content is None:
            offered = negotiate(call, body, state)
            is_kept = sum(map(len, offered.contents.values())) >= KEPT_FROM_BYTES
            level, threads = (KEPT_LEVEL, KEPT_THREADS) if is_kept else (QUICK_LEVEL, 0)
            content = as_offer(offered, level, threads) if is_offer else _as_json(offered, packing, level)
            if is_kept:
                kept.keep(name, content)
    headers = {"Vary": "Accept, Accept-Encoding"}
    if packing is not None:
        headers["Content-Encoding"] = packing.value
    return Response(content, media_type=form, headers=headers)


def as_offer(offered: Offered, level: int, threads: int = 0) -> bytes:
    """What workers read: `synapse_sdk.wire.component_offer`."""
    offer = offered.offer
    versions = {path: HeadVersion(version.hash, version.sha256) for path, version in offer.versions.items()}
    digests = dict.fromkeys(version.sha256 for version in versions.values())
    contents = [offered.contents[digest] for digest in digests if digest in offered.contents]
    unresolved = [each.model_dump() for each in offer.unresolved]
    head = OfferHead(
        versions=versions,
        known=offer.known,
        needed=offer.needed,
        missing=offer.missing,
        unresolved=unresolved,
        state=offer.state,
        sizes=[*map(len, contents)],
    )
    return pack_offer(head, contents, level, threads=threads)


def _as_json(offered: Offered, packing: Packing | None, level: int) -> bytes:
    contents = {digest: content.decode() for digest, content in offered.contents.items()}
    told = answer(offered.offer.model_copy(update={"contents": contents})).model_dump_json().encode()
    return told if packing is None else b"".join(pack((block for block in (told,)), packing, level))
