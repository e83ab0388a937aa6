"""Messages between an export and its worker processes: a length of four bytes, then the bytes."""

from __future__ import annotations

import os
import sys
from typing import IO

_PIPE_BYTES = 1 << 20


def write_frame(stream: IO[bytes], data: bytes) -> None:
    """Write one message.

    Raises:
        OSError: The other side is gone.
    """
    file = stream.fileno()
    for part in (len(data).to_bytes(4, "little"), data):
        view = memoryview(part)
        while view:
            view = view[os.write(file, view) :]


def read_frame(stream: IO[bytes]) -> bytearray | None:
    """Read one message; None when the other side is gone, be it in the middle of one."""
    size = _read(stream.fileno(), 4)
    return None if size is None else _read(stream.fileno(), int.from_bytes(size, "little"))


def widen(*streams: IO[bytes]) -> None:
    """Let pipes hold a block, so that the two sides wait for each other less often."""
    if sys.platform != "linux":
        return
    import fcntl

    for stream in streams:
        try:
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            return  # More than this user may have.


def _read(file: int, size: int) -> bytearray | None:
    found = bytearray(size)
    view = memoryview(found)
    while view:
        count = os.readv(file, [view])
        if not count:
            return None
        view = view[count:]
    return found
