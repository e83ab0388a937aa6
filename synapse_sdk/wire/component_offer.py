"""The answer to a negotiation as workers read it: what is offered, and its contents, which are unpacked one by one.

A body of type `OFFER` is the length of its first part (4 bytes, big-endian), that part, which is an `OfferHead` as
MessagePack, and the contents without anything between them. The first part is a zstd frame, and the contents are as
many as the server likes: each alone as it is stored, or about `FRAME_BYTES` of them together, so that they can be
packed side by side. Needs the library of the extras `server` and `worker`, or Python 3.14.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import msgspec

OFFER = "application/vnd.synapse.component-offer"
# Packed at once: a quarter of it brings ten thousand sources to 1 % more bytes, four times as much to no less.
FRAME_BYTES = 2**20
# Unpacked at once: it stays in the processor's cache until it has been hashed and written.
BLOCK_BYTES = 2**18
_LENGTH = struct.Struct(">I")


class BrokenOfferError(Exception):
    """The bytes are no offer, or not all of one."""


class HeadVersion(msgspec.Struct, frozen=True, gc=False):
    """A version that differs from what the worker has."""

    hash: str
    sha256: str


class OfferHead(msgspec.Struct, frozen=True):
    """A `ComponentOffer` without its contents.

    Attributes:
        sizes: The contents' lengths, each once, in the order in which `versions` name them first; none if none follow.
    """

    versions: dict[str, HeadVersion]
    known: list[str]
    needed: list[str]
    missing: list[str]
    unresolved: list[dict[str, Any]]
    state: str
    sizes: list[int]


class PackedContents:
    """The contents that follow a head."""

    def __init__(self, packed: memoryview, sizes: Mapping[str, int]) -> None:
        self._packed, self._sizes = packed, sizes

    def items(self) -> Iterator[tuple[str, memoryview]]:
        """SHA-256 as it was announced, and the bytes; never all of them in memory at once.

        Raises:
            BrokenOfferError: They end too early.
        """
        blocks = _unpack(self._packed)
        block, start = memoryview(b""), 0
        for digest, size in self._sizes.items():
            if start + size <= len(block):
                content, start = block[start : start + size], start + size
            else:
                joined = bytearray(block[start:])
                while (lacking := size - len(joined)) > 0:
                    block, start = memoryview(next(blocks, b"")), lacking
                    if not block:
                        raise BrokenOfferError("the contents end too early")
                    joined += block[:lacking]
                content = memoryview(joined)
            yield digest, content


def pack_head(head: OfferHead, level: int) -> bytes:
    """How a body begins; the contents follow it, in the order of the head's sizes, one frame after the other."""
    first: bytes = _zstd().compress(msgspec.msgpack.encode(head), level)
    return _LENGTH.pack(len(first)) + first


def pack_frame(contents: Iterable[bytes], level: int) -> bytes:
    """A part of a body: some of its contents."""
    packed: bytes = _zstd().compress(b"".join(contents), level)
    return packed


def split_contents(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Which contents, of these sizes by SHA-256, go into a frame together: about `FRAME_BYTES` of them.

    The content itself says whether a frame ends with it, so that a change elsewhere leaves a frame as it is.
    """
    some: list[str] = []
    length = 0
    for digest, size in sizes.items():
        some.append(digest)
        length += size
        ends = int(digest[:8], 16) % FRAME_BYTES < 2 * size
        if length >= 2 * FRAME_BYTES or (ends and 2 * length >= FRAME_BYTES):
            yield some
            some, length = [], 0
    if some:
        yield some


def unpack_offer(body: bytes) -> tuple[OfferHead, PackedContents]:
    """An offer, and its contents.

    Raises:
        BrokenOfferError: The body is none.
    """
    try:
        end = _LENGTH.size + _LENGTH.unpack_from(body)[0]
        head = msgspec.msgpack.decode(b"".join(_unpack(memoryview(body)[_LENGTH.size : end])), type=OfferHead)
    except (struct.error, msgspec.DecodeError) as exc:
        raise BrokenOfferError(str(exc)) from exc
    digests = dict.fromkeys(version.sha256 for version in head.versions.values())
    sizes = dict(zip(digests, head.sizes, strict=False))
    return head, PackedContents(memoryview(body)[end:], sizes)


def _unpack(packed: memoryview) -> Iterator[bytes]:
    zstd = _zstd()
    try:
        while packed:
            # Cut out first: what a frame does not need would be copied for the next one.
            end = zstd.get_frame_size(packed)
            frame, packed = packed[:end], packed[end:]
            unpacker = zstd.ZstdDecompressor()
            while not unpacker.eof:
                if block := unpacker.decompress(frame, BLOCK_BYTES):
                    yield block
                frame = memoryview(b"")
    except zstd.ZstdError as exc:
        raise BrokenOfferError(str(exc)) from exc


@cache
def _zstd() -> Any:
    # Found when it is needed: the base install has none, and takes no offers.
    return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
