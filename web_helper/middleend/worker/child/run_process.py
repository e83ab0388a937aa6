"""A run as a process of this machine: started once, found again after the worker's restart, stopped, read from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

KEEPER, OBSERVED = (Path(__file__).with_name(name) for name in ("keeper.py", "observed.py"))
START_SECONDS = 30.0
SWEEP_SECONDS = 5.0
MARK = "SYNAPSE_EXPERIMENT_RUN"
_PROC = Path("/proc")
T = TypeVar("T")


class RunExit(msgspec.Struct, frozen=True):
    """How a run ended.

    Attributes:
        reason: `ended`, `stopped`, `not_started`, or `vanished` for one whose keeper was killed.
    """

    reason: str
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""


class _Keeper(msgspec.Struct):
    pid: int
    started_at: int
    boot: str


@dataclass(frozen=True)
class Command:
    """What is run.

    Attributes:
        stop_seconds: How long it may take to end when it is asked to, before it is killed.
        log_bytes: How much of the beginning of its output is kept.
    """

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    stop_seconds: float
    log_bytes: int


class RunProcess:
    """The process of a run, by the folder in which its keeper writes.

    Args:
        folder: For this run alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def was_started(self) -> bool:
        """Whether it has begun, whatever has become of it."""
        return (self.folder / "keeper.json").exists()

    def start(self, command: Command) -> None:
        """Start it; nothing happens when it was started before.

        Raises:
            OSError: It cannot be started.
        """
        if self.was_started:
            return
        order = {
            "argv": list(command.argv),
            "cwd": str(command.cwd),
            "env": {**command.env, MARK: str(self.folder)},
            "stop_seconds": command.stop_seconds,
            "log_bytes": command.log_bytes,
        }
        with (self.folder / "keeper.err").open("wb") as errors:
            # It returns when the keeper has gone into the background and has left its record.
            subprocess.run(  # noqa: S603 - our own program
                [sys.executable, "-I", "-S", str(KEEPER), str(self.folder)],
                input=msgspec.json.encode(order),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                env={"PATH": "/usr/bin:/bin"},
                timeout=START_SECONDS,
                check=False,
                # A Ctrl-C for the worker, or the end of its session, is not for its runs.
                start_new_session=True,
            )
        if not self.was_started:
            raise OSError("the process that keeps a run did not start")

    def poll(self) -> RunExit | None:
        """How it ended; None while it runs. After this answers, no process of the run is left."""
        # In this order: a keeper that ends between the two looks has left its record, over any that the run wrote.
        if self._is_running():
            return None
        ending = _read(self.folder / "exit.json", RunExit)
        if ending is not None:
            return ending
        _kill_marked(f"{MARK}={self.folder}")
        return RunExit("vanished")

    def request_stop(self) -> None:
        """Ask it to end; it is killed when it does not."""
        (self.folder / "stop").touch()

    def pause(self) -> None:
        """Halt its processes where they are; they keep their memory."""
        (self.folder / "pause").touch()

    def resume(self) -> None:
        """Let its processes go on."""
        (self.folder / "pause").unlink(missing_ok=True)

    def _is_running(self) -> bool:
        keeper = _read(self.folder / "keeper.json", _Keeper)
        return keeper is not None and keeper.boot == _boot_id() and _is_alive(keeper.pid, keeper.started_at)


def _boot_id() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _is_alive(pid: int, started_at: int) -> bool:
    """Whether the process that got this id at that tick still runs: an id alone is used again."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z" and int(fields[19]) == started_at


def _kill_marked(mark: str) -> None:
    """Kill every process with this environment entry: without its keeper nobody knows any more which were the run's."""
    deadline = time.monotonic() + SWEEP_SECONDS
    while (found := _marked(mark.encode())) and time.monotonic() < deadline:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _marked(mark: bytes) -> list[int]:
    found = []
    for path in _PROC.iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            # A zombie has no environment left to read.
            with suppress(OSError):
                if mark in (path / "environ").read_bytes().split(b"\0"):
                    found.append(int(path.name))
    return found


def _read(path: Path, kind: type[T]) -> T | None:
    """A keeper's record; None where there is none, or the run has spoilt it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
