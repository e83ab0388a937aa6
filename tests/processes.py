"""The process table, as tests of agents and workers look at it."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def processes_with(mark: str) -> list[int]:
    """Living processes whose environment or command line holds a text."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            with suppress(OSError):
                seen = (path / "environ").read_bytes() + (path / "cmdline").read_bytes()
                if mark.encode() in seen:
                    found.append(int(path.name))
    return found


def kill_with(mark: str) -> None:
    """Kill them; one that ends by itself meanwhile is as good."""
    for pid in processes_with(mark):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def cmdline(pid: int) -> bytes:
    """What a process was started with; nothing of one that is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
