"""What files held when they were last read, so that a file that nobody touched is not read again.

A file is taken for untouched when its inode, size and both times are the same, and it had been left alone for a moment
when it was read: the kernel's clock stands still for some milliseconds, in which a second edit would leave no trace.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from synapse_sdk.components.digests import sha256_of, short_hash
from web_helper.middleend.file_swap import replace_file

# Many times the kernel's tick.
SETTLED_NS = 50_000_000


class Look(msgspec.Struct, frozen=True, array_like=True):
    """What names a file's bytes."""

    sha256: str
    hash: str


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    stat: tuple[int, int, int, int]
    look: Look


class StatIndex:
    """Looks by component path; `file` is where it is kept between processes. Lost, everything is read again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries: dict[str, _Entry] | None = None
        self._has_changed = False

    def look(self, path: str, file: str) -> Look | None:
        """What a component's file holds now; None when there is none.

        Raises:
            OSError: The file cannot be read.
        """
        entries = self._read()
        try:
            found = os.stat(file)  # noqa: PTH116 - ten thousand of them
            stat = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            entry = entries.get(path)
            if entry is not None and entry.stat == stat:
                return entry.look
            began = time.time_ns()
            with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - ten thousand of them
                content = opened.readall()
        except FileNotFoundError:
            return None
        look = Look(sha256_of(content), short_hash(content))
        if max(stat[2:]) + SETTLED_NS < began:
            entries[path] = _Entry(stat, look)
            self._has_changed = True
        return look

    def save(self) -> None:
        """Keep what was found for the next process."""
        if self._has_changed:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(str(self._file), msgspec.msgpack.encode(self._read()))
            self._has_changed = False

    def _read(self) -> dict[str, _Entry]:
        if self._entries is None:
            self._entries = {}
            with suppress(FileNotFoundError, msgspec.DecodeError):
                self._entries = msgspec.msgpack.decode(self._file.read_bytes(), type=dict[str, _Entry])
        return self._entries
