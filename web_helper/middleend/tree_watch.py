"""What in a working tree was touched since the last look, as the kernel tells it (inotify)."""

from __future__ import annotations

import ctypes
import os
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from synapse_sdk.components.names import KIT, Category, folder_of, is_component_file

_MODIFY, _ATTRIB, _CLOSE_WRITE, _MOVED, _CREATE, _DELETE, _GONE = 0x2, 0x4, 0x8, 0xC0, 0x100, 0x200, 0xC00
_EVENTS = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED | _CREATE | _DELETE | _GONE
# More happened than the kernel had room for; a folder went away, and its watch with it.
_OVERFLOW, _IGNORED = 0x4000, 0x8000
_HEAD = struct.Struct("iIII")
_READ_BYTES = 1 << 16
# A write through a memory map, or on another machine, tells nothing: now and then everything is looked at.
TRUSTED_SECONDS = 60.0


class TreeWatch:
    """Watches the folders of components below `root` from now on. Where the kernel cannot, nothing is known."""

    def __init__(self, root: Path) -> None:
        self._until = time.monotonic() + TRUSTED_SECONDS
        library = ctypes.CDLL(None, use_errno=True)
        start = getattr(library, "inotify_init1", None)
        self._descriptor = -1 if start is None else start(os.O_NONBLOCK | os.O_CLOEXEC)
        self._categories: dict[int, Category | None] = {}
        self._is_whole = self._descriptor >= 0
        for folder, category in _folders_of(root) if self._is_whole else ():
            watch = library.inotify_add_watch(self._descriptor, os.fsencode(folder), _EVENTS)
            self._is_whole = self._is_whole and watch >= 0
            self._categories[watch] = category

    def touched(self) -> dict[str, bool] | None:
        """Components whose files were touched since this was asked last, and whether any was more than moved.

        None when that is not known.
        """
        found: dict[str, bool] = {}
        while self._is_whole and (events := self._read()):
            for watch, mask, name in _split(events):
                category = self._categories.get(watch)
                # Folders come or go, or the kernel has told less than there was.
                if category is None or mask & (_OVERFLOW | _IGNORED | _GONE):
                    self._is_whole = False
                elif is_component_file(name):
                    path = f"{category}/{name}"
                    found[path] = found.get(path, False) or mask & ~_MOVED != 0
        return found if self._is_whole and time.monotonic() <= self._until else None

    def close(self) -> None:
        """Stop watching."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor, self._is_whole = -1, False

    def _read(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self._descriptor, _READ_BYTES)
        return b""


def _split(events: bytes) -> Iterator[tuple[int, int, str]]:
    """Watch, what happened, and the file's name."""
    start = 0
    while start < len(events):
        watch, mask, _, size = _HEAD.unpack_from(events, start)
        start += _HEAD.size
        yield watch, mask, os.fsdecode(events[start : start + size].rstrip(b"\0"))
        start += size


def _folders_of(root: Path) -> Iterator[tuple[str, Category | None]]:
    """Every folder that holds components, and those in which such a folder may be made."""
    folders: dict[str, Category | None] = {KIT: None, f"{KIT}/component": None}
    folders |= {folder_of(category): category for category in Category}
    for folder, category in folders.items():
        if os.path.isdir(f"{root}/{folder}"):  # noqa: PTH112 - each time that a process begins
            yield f"{root}/{folder}", category
