"""Processes of this machine, told apart for good: a process id alone is used again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
SWEEP_SECONDS = 5.0


def boot_id() -> str:
    """Names this start of the machine."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def is_alive(pid: int, started_at: int) -> bool:
    """Whether the process that got this id at that tick still runs; a zombie does not."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z" and int(fields[19]) == started_at


def kill_marked(mark: str) -> int:
    """Kill every process that has this environment entry; how many there were.

    For runs whose shim was killed: nobody else knows any more which processes were theirs.
    """
    deadline, killed = time.monotonic() + SWEEP_SECONDS, set()
    while (found := set(_marked(mark.encode()))) and time.monotonic() < deadline:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
        time.sleep(0.02)
    return len(killed)


def _marked(mark: bytes) -> Iterator[int]:
    for path in PROC.iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        with suppress(OSError):
            # A zombie has no environment left to read.
            if mark in (path / "environ").read_bytes().split(b"\0"):
                yield int(path.name)
