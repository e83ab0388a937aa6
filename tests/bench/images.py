"""Small but whole images of the items' size: one colour, one bit per pixel, and each with bytes of its own."""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

from tests.bench.items import HEIGHT, WIDTH


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


_HEAD = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 1, 0, 0, 0, 0))
_BODY = _chunk(b"IDAT", zlib.compress(bytes((WIDTH // 8 + 1) * HEIGHT), 9)) + _chunk(b"IEND", b"")


def write_images(folder: Path, names: Iterable[str]) -> None:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(_HEAD + _chunk(b"tEXt", b"Title\0" + name.encode()) + _BODY)
