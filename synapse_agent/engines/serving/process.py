"""Replica processes: started, found again by their start time, ended together with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

MARK = "SYNAPSE_REPLICA_ID"
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


def spawn(
    command: list[str], *, folder: Path, env: Mapping[str, str], log: Path, inherited: int
) -> subprocess.Popen[bytes]:
    """Start a replica as the leader of a group of its own.

    Raises:
        OSError: The interpreter or the folder is not there.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - a release's interpreter, named by its deployment.
            command,
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(inherited,),
        )


def start_time(pid: int) -> int | None:
    """When a process started, in the kernel's ticks; None where there is none, or only its remains."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in {"Z", "X"} else int(fields[19])


def private_bytes(pid: int) -> int:
    """Resident memory of a process, without what it shares with others and with files."""
    try:
        _, resident, shared, *_ = (_PROC / str(pid) / "statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def group_bytes(leader: int) -> int:
    """The same of a process and of what it started; reads about every process of the host."""
    return sum(private_bytes(pid) for pid in group_members(leader))


def group_members(leader: int) -> list[int]:
    """Processes of a group."""
    return [pid for pid in _pids() if (fields := _stat(pid)) is not None and int(fields[2]) == leader]


def kill_group(leader: int, mark: str, start: int) -> None:
    """End a group, and processes that left it but carry the replica's mark.

    Args:
        leader: The replica's process.
        mark: The replica's.
        start: When its process started: the number of one that is over is given to others, after a restart of the
            machine at the latest.
    """
    if start_time(leader) in {None, start}:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
    for pid in marked(mark):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def marked(prefix: str) -> dict[int, str]:
    """Processes whose mark starts like this, wherever they have gone: process id to mark."""
    needle = f"{MARK}=".encode()
    found = {}
    for pid in _pids():
        with suppress(OSError):
            for variable in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                if variable.startswith(needle + prefix.encode()):
                    found[pid] = variable.removeprefix(needle).decode()
    return found


def _pids() -> Iterator[int]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the third on."""
    try:
        # The second is the program's name, which may hold anything.
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
