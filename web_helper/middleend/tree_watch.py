"""Whether anything in a working tree was touched since the last look, as the kernel tells it (inotify)."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from synapse_sdk.components.names import KIT, Category, ComponentPath

_MODIFY, _ATTRIB, _CLOSE_WRITE, _MOVED, _CREATE, _DELETE, _GONE = 0x2, 0x4, 0x8, 0xC0, 0x100, 0x200, 0xC00
_EVENTS = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED | _CREATE | _DELETE | _GONE
# A write through a memory map, or on another machine, tells nothing: now and then everything is looked at.
TRUSTED_SECONDS = 60.0


class TreeWatch:
    """Watches the folders of components below `root` from now on. Where the kernel cannot, it is never quiet."""

    def __init__(self, root: Path) -> None:
        self._until = time.monotonic() + TRUSTED_SECONDS
        library = ctypes.CDLL(None, use_errno=True)
        start = getattr(library, "inotify_init1", None)
        self._descriptor = -1 if start is None else start(os.O_NONBLOCK | os.O_CLOEXEC)
        self._is_whole = self._descriptor >= 0 and all(
            library.inotify_add_watch(self._descriptor, os.fsencode(folder), _EVENTS) >= 0
            for folder in _folders_of(root)
        )

    def is_quiet(self) -> bool:
        """Whether nothing was touched since this began."""
        if not self._is_whole or time.monotonic() > self._until:
            return False
        with suppress(BlockingIOError):
            os.read(self._descriptor, 4096)
            self._is_whole = False
        return self._is_whole

    def close(self) -> None:
        """Stop watching."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor, self._is_whole = -1, False


def _folders_of(root: Path) -> Iterable[Path]:
    """Every folder that holds components, and those in which such a folder may be made."""
    folders = [root / ComponentPath(category, "x").file.parent for category in Category]
    return [each for each in (root / KIT, root / KIT / "component", *folders) if each.is_dir()]
