"""The negotiation: one request, one compressed answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import Depends, Request, Response

from synapse_sdk.wire.component_offer import OFFER, HeadVersion, OfferHead, pack_head
from synapse_sdk.wire.components import ComponentEnvelope, ComponentNegotiation, ComponentOffer
from web_helper.backend.api.components.answers import answer, create_component_router
from web_helper.backend.api.context import SharedSnapshot
from web_helper.backend.queries.components import blobs
from web_helper.backend.services.call import Call
from web_helper.backend.services.components.kept_packed import KeptPacked, name_answer
from web_helper.backend.services.components.negotiation import Offered, negotiate, read_state
from web_helper.backend.services.components.packed_frames import KEPT_FROM_BYTES, KEPT_LEVEL, pack_frames
from web_helper.backend.services.exports.packing import Packing, choose_packing, pack

# Digests, which are most of what is told first, even become more bytes by a higher level.
QUICK_LEVEL = 1
router = create_component_router()


async def kept_packed_of(request: Request) -> KeptPacked:
    """What the process has packed."""
    kept: KeptPacked = request.app.state.kept_packed
    return kept


@router.post(
    "/sync",
    operation_id="components_sync",
    response_model=ComponentEnvelope[ComponentOffer],
    responses={200: {"content": {OFFER: {}}}},
)
def sync(
    call: SharedSnapshot,
    request: Request,
    body: ComponentNegotiation,
    kept: Annotated[KeptPacked, Depends(kept_packed_of)],
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
            sizes = blobs.sizes_of(call.session, offered.digests)
            is_kept = sum(sizes.values()) >= KEPT_FROM_BYTES
            if not is_offer:
                content = _as_json(call, offered, packing, KEPT_LEVEL if is_kept else QUICK_LEVEL)
            elif is_kept:
                content = _as_packed_offer(call, offered, sizes, kept)
            else:
                content = as_offer(call, offered)
            if is_kept:
                kept.keep(name, content)
    headers = {"Vary": "Accept, Accept-Encoding"}
    if packing is not None:
        headers["Content-Encoding"] = packing.value
    return Response(content, media_type=form, headers=headers)


def as_offer(call: Call, offered: Offered) -> bytes:
    """What workers read (`synapse_sdk.wire.component_offer`), the contents as they are stored."""
    contents = blobs.read_contents(call.session, offered.digests)
    head, sizes = _head_of(offered, contents.sizes)
    return b"".join([pack_head(head, QUICK_LEVEL), *contents.frames(sizes)])


def _as_packed_offer(call: Call, offered: Offered, sizes: Mapping[str, int], kept: KeptPacked) -> bytes:
    """The same, packed well."""
    head, ordered = _head_of(offered, sizes)
    frames = pack_frames(ordered, partial(blobs.read_contents, call.session), kept)
    return b"".join([pack_head(head, QUICK_LEVEL), *frames])


def _head_of(offered: Offered, sizes: Mapping[str, int]) -> tuple[OfferHead, dict[str, int]]:
    """What is told first, and the contents that follow with their sizes, in their order."""
    offer = offered.offer
    # By path: files of one folder have more in common.
    versions = {path: HeadVersion(version.hash, version.sha256) for path, version in sorted(offer.versions.items())}
    ordered = {each.sha256: sizes[each.sha256] for each in versions.values() if each.sha256 in sizes}
    unresolved = [each.model_dump() for each in offer.unresolved]
    head = OfferHead(
        versions=versions,
        known=offer.known,
        needed=offer.needed,
        missing=offer.missing,
        unresolved=unresolved,
        state=offer.state,
        sizes=list(ordered.values()),
    )
    return head, ordered


def _as_json(call: Call, offered: Offered, packing: Packing | None, level: int) -> bytes:
    opened = blobs.contents_of(call.session, offered.digests)
    contents = {digest: content.decode() for digest, content in opened.items()}
    told = answer(offered.offer.model_copy(update={"contents": contents})).model_dump_json().encode()
    return told if packing is None else b"".join(pack((block for block in (told,)), packing, level))
