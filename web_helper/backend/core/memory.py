"""Keeps a long-lived process small: what its imports cost stays, but its threads must not add to it."""

from __future__ import annotations

import ctypes
import gc

_M_ARENA_MAX = -8
# A request of thousands of rows makes that many objects, all of which live until its answer: by default they are looked
# through for cycles after each 700. More than this would take a little more off, and cost up to 10 MB.
_OBJECTS_PER_COLLECTION = 5_000


def settle_memory() -> None:
    """Call once, after the imports and before the first thread.

    glibc gives every thread a heap of its own that keeps what was freed; one for all threads is enough for code that
    holds the interpreter's lock anyway. What the imports made is never garbage: collections pass over it.
    """
    libc = ctypes.CDLL(None)
    # Other C libraries have no such heaps.
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
