"""Processes below this one, wherever they have fled: what a test must not leave behind."""

import ctypes
import os
from contextlib import contextmanager, suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def adopting():
    """Make orphans below this process its own children, so that none can hide by losing its parent."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


def family() -> dict[tuple[int, int], str]:
    """Living descendants: process id and start time, and what each is."""
    table = processes()
    below, waiting = {}, [os.getpid()]
    while waiting:
        parent = waiting.pop()
        for pid, (its_parent, state, started) in table.items():
            if its_parent == parent:
                waiting.append(pid)
                if state != "Z":
                    below[pid, started] = describe(pid)
    return below


def bury(own: set[int]):
    """Take note of adopted processes that have ended; those that a `Popen` waits for are left to it."""
    for pid, (parent, state, _) in processes().items():
        if parent == os.getpid() and state == "Z" and pid not in own:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def processes() -> dict[int, tuple[int, str, int]]:
    """The process table: parent, state and start time by process id."""
    table = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            table[int(path.name)] = (int(fields[1]), fields[0], int(fields[19]))
    return table


def describe(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
    return "?"
