"""The answer to a negotiation as workers read it: what is offered, and its contents, which are unpacked one by one.

A body of type `OFFER` is the length of its first part (4 bytes, big-endian), that part, which is an `OfferHead` as
MessagePack, and the contents without anything between them. Both parts are packed with zstd: needs the library of the
extras `server` and `worker`, or Python 3.14.
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


def pack_offer(head: OfferHead, contents: Iterable[bytes], level: int, *, threads: int = 0) -> bytes:
    """The body that `unpack_offer` reads.

    Args:
        head: What is told first.
        contents: In the order of the head's sizes.
        level: Of zstd.
        threads: How many pack the contents for the caller, where the library can; 0 is the caller alone.
    """
    zstd = _zstd()
    first = zstd.compress(msgspec.msgpack.encode(head), level)
    option = zstd.CompressionParameter
    workers = min(threads, option.nb_workers.bounds()[1])
    packer = zstd.ZstdCompressor(options={option.compression_level: level, option.nb_workers: workers})
    return b"".join([_LENGTH.pack(len(first)), first, *map(packer.compress, contents), packer.flush()])


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
    unpacker = zstd.ZstdDecompressor()
    while not unpacker.eof:
        try:
            block = unpacker.decompress(packed, BLOCK_BYTES)
        except zstd.ZstdError as exc:
            raise BrokenOfferError(str(exc)) from exc
        if not block and unpacker.needs_input:
            raise BrokenOfferError("it ends too early")
        yield block
        packed = memoryview(b"")


@cache
def _zstd() -> Any:
    # Found when it is needed: the base install has none, and takes no offers.
    return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
