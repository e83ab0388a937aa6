"""Runs on this machine, each below a shim of its own (`shim.py`)."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from synapse_agent.engines.local.processes import boot_id, is_alive, kill_marked
from synapse_agent.engines.protocol import ConsoleChunk, EndReason, RunExit, RunPlan, encode_order

SHIM = Path(__file__).with_name("shim.py")
# A machine that has other things to do takes seconds for what usually takes some hundredths of one.
START_SECONDS = 60.0
T = TypeVar("T")


class _Shim(msgspec.Struct):
    pid: int
    started_at: int
    boot: str


class LocalEngine:
    """Runs commands in process groups of their own.

    Memory is watched, not capped: address space (RLIMIT_AS) refuses what CUDA and thread stacks only reserve, and a
    control group needs rights that an agent in a container has not. What all processes of a run hold together is
    measured five times a second.
    """

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def start(self, plan: RunPlan) -> None:
        """Start a run; nothing happens when it was started before.

        Raises:
            OSError: It cannot be started.
        """
        if self.was_started(plan.folder):
            return
        (plan.folder / "mark").write_text(plan.mark)
        with (plan.folder / "shim.err").open("wb") as errors:
            shim = subprocess.Popen(  # noqa: S603 - our own program.
                [sys.executable, "-I", "-S", str(SHIM), str(plan.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                env={"PATH": "/usr/bin:/bin"},
                # A Ctrl-C for the agent, or the end of its session, is not for its runs.
                start_new_session=True,
            )
        assert shim.stdin is not None
        with shim.stdin as order:
            order.write(encode_order(plan))
        with self._lock:
            self._children.append(shim)
        deadline = time.monotonic() + START_SECONDS
        while not (plan.folder / "shim.json").exists():
            if shim.poll() is None and time.monotonic() > deadline:
                # Told as not started, it must not start later.
                shim.kill()
                shim.wait()
            if shim.poll() is not None:
                raise OSError(f"the process that supervises runs did not start (status {shim.poll()})")
            time.sleep(0.005)

    def was_started(self, folder: Path) -> bool:
        """Whether a run of this folder has begun, whatever has become of it."""
        # A shim that was killed since has begun, too: beginning again would do its work twice.
        return (folder / "shim.json").exists()

    def request_stop(self, folder: Path) -> None:
        """Ask a run to end; it is killed when it does not."""
        with suppress(FileNotFoundError):  # It is over, and its folder elsewhere.
            (folder / "stop").touch()

    def poll(self, folder: Path) -> RunExit | None:
        """How a run ended; None while it runs. After this answers, no process of the run is left."""
        self._reap()
        # In this order: a shim that ends between the two looks has left its record.
        is_running = self._is_running(folder)
        ending = _read(folder / "exit.json", RunExit)
        if ending is not None:
            return ending
        if is_running:
            return None
        mark = folder / "mark"
        if mark.exists():
            kill_marked(mark.read_text())
        return RunExit(EndReason.VANISHED)

    def read_console(self, folder: Path, position: int, max_bytes: int) -> ConsoleChunk:
        """What a run printed from a position on, or from the first later one that is still kept."""
        data = b""
        for start, path in sorted((int(path.stem), path) for path in (folder / "console").glob("*.log")):
            if data and start != position + len(data):  # What was between is gone.
                break
            part = _read_from(path, max(position + len(data) - start, 0), max_bytes - len(data))
            if part and not data:
                position = max(position, start)
            data += part
            if len(data) >= max_bytes:
                break
        return ConsoleChunk(position, data)

    def _is_running(self, folder: Path) -> bool:
        shim = _read(folder / "shim.json", _Shim)
        return shim is not None and shim.boot == boot_id() and is_alive(shim.pid, shim.started_at)

    def _reap(self) -> None:
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]


def _read_from(path: Path, offset: int, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(max_bytes)
    except FileNotFoundError:  # It was one in the middle and is gone by now.
        return b""


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
