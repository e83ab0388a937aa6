"""Contents packed well, about a megabyte of them together, for those who lack many.

What is in a frame names it: a change leaves most of them as they are, and most are there before anybody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.wire.component_offer import pack_frame, split_contents
from synapse_sdk.wire.components import ACTIVE
from web_helper.backend.core.database import Database
from web_helper.backend.queries.components import blobs
from web_helper.backend.queries.components import versions as queries
from web_helper.backend.services.components.kept_packed import KeptPacked

# Whole sets of sources go to many machines that may be far away: packed once, by the first level that brings them to a
# fifth. What is smaller is sent as it is stored: to pack it again takes longer than an eighth more bytes.
KEPT_FROM_BYTES = 2**20
KEPT_LEVEL = 6
# Somebody waits for it, and all others that ask meanwhile.
PACKING_THREADS = 2


def pack_frames(
    sizes: Mapping[str, int],
    read: Callable[[Sequence[str]], blobs.StoredContents],
    kept: KeptPacked,
    *,
    threads: int = PACKING_THREADS,
) -> list[bytes]:
    """Contents, one frame after the other: those that are kept, and new ones, which are kept too.

    Args:
        sizes: Of the contents, by SHA-256, in their order.
        read: Brings those that are in no frame yet.
        kept: Where frames are kept.
        threads: That pack.
    """
    frames = {f"frame {sha256_of(''.join(some).encode())}": some for some in split_contents(sizes)}
    found = {name: kept.find(name) for name in frames}
    contents = read([digest for name, some in frames.items() if found[name] is None for digest in some])

    def pack(name: str) -> bytes:
        if (packed := found[name]) is not None:
            return packed
        # Whoever comes while it is packed ahead takes each frame as it is done, and packs what comes after.
        with kept.turn(name):
            packed = kept.find(name)
            if packed is None:
                packed = pack_frame(contents.open(frames[name]).values(), KEPT_LEVEL)
                kept.keep(name, packed)
        return packed

    with ThreadPoolExecutor(threads) as packers:
        return list(packers.map(pack, frames))


def pack_ahead(database: Database, kept: KeptPacked) -> None:
    """Pack what is active, before the first worker that has nothing asks for it."""
    with database.read() as session:
        active = queries.contents_named_by(session, ACTIVE)
        sizes = blobs.sizes_of(session, {digest for _, digest in active.values()})

    def read(digests: Sequence[str]) -> blobs.StoredContents:
        with database.read() as session:
            return blobs.read_contents(session, digests)

    # As an offer has them.
    digests = dict.fromkeys(active[path][1] for path in sorted(active))
    pack_frames({digest: sizes[digest] for digest in digests}, read, kept, threads=1)
