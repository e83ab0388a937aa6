"""Packed bodies of streams: which packing a client takes, and blocks that can be read as soon as they arrive."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Generator
from contextlib import closing
from enum import StrEnum

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Streams are made faster than networks take them: the cheapest level packs rows of JSON well enough.
LEVEL = 1
_GZIP_FORMAT = 31
_ITEM = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?")


class Packing(StrEnum):
    """A content coding, the better one first."""

    ZSTD = "zstd"
    GZIP = "gzip"


def choose_packing(accepted: str) -> Packing | None:
    """What an `Accept-Encoding` header names and likes best; None is no packing. `*` alone names nothing."""
    weights = dict(_weight(item) for item in accepted.lower().split(","))
    best = max(Packing, key=lambda packing: weights.get(packing, 0.0))
    return best if weights.get(best, 0.0) > 0 else None


def pack(
    blocks: Generator[bytes, None, None], packing: Packing, level: int = LEVEL, *, window_log: int = 0
) -> Generator[bytes, None, None]:
    """The blocks packed, each flushed: a client reads it when it arrives, and resumes after the last line it has.

    Args:
        blocks: What is packed; closed in the end.
        packing: How.
        level: How thoroughly.
        window_log: For zstd, the power of two of the bytes that it looks back, and keeps; 0 is what the level has.
    """
    add, finish = _packer(packing, level, window_log)
    with closing(blocks):
        for block in blocks:
            yield add(block)
    yield finish()


def _packer(packing: Packing, level: int, window_log: int) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if packing is Packing.ZSTD:
        names = zstd.CompressionParameter
        packer = zstd.ZstdCompressor(options={names.compression_level: level, names.window_log: window_log})
        return lambda block: packer.compress(block, packer.FLUSH_BLOCK), packer.flush
    deflater = zlib.compressobj(level=level, wbits=_GZIP_FORMAT)
    return lambda block: deflater.compress(block) + deflater.flush(zlib.Z_SYNC_FLUSH), deflater.flush


def _weight(item: str) -> tuple[str, float]:
    match = _ITEM.fullmatch(item)
    if match is None:
        return "", 0.0
    try:
        return match.group(1), float(match.group(2) or 1)
    except ValueError:
        return "", 0.0
