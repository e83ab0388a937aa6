"""Variables of this process that nobody else should read."""

from __future__ import annotations

import ctypes
import os
import sys


def erase_tokens() -> None:
    """Take our tokens out of this process's variables, also out of those that `/proc/PID/environ` shows.

    That file shows the memory in which the variables lay when the process was started; to unset one changes nothing
    there. Whatever runs as the same user could read a person's token from it as long as the agent lives.
    """
    names = [name for name in os.environ if name.startswith("SYNAPSE_") and name.endswith("_TOKEN")]
    places = _places(tuple(f"{name}=".encode() for name in names)) if sys.platform == "linux" else []
    for name in names:
        del os.environ[name]
    for address, size in places:
        ctypes.memset(address, 0, size)


def _places(prefixes: tuple[bytes, ...]) -> list[tuple[int, int]]:
    table = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    found, index = [], 0
    while address := table[index]:
        text = ctypes.string_at(address)
        if text.startswith(prefixes):
            found.append((address, len(text)))
        index += 1
    return found
