"""Keeps the platform's processes alive: starts them in order, starts a dead one again, stops all of them together."""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from synapse_sdk.exceptions import SynapseError

STOP_SECONDS = 10.0  # A worker finishes its current write in this time; then it is killed, which it survives too.
READY_SECONDS = 120.0  # Of a process that has not ended: on a busy machine each of them takes half a minute.
RESTART_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)  # Waits before a restart, longer each time within one minute.
STABLE_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


class NotReadyError(SynapseError, RuntimeError):
    """A process ended or did not answer in time while starting; the message names its log."""

    code = "NOT_READY"


@dataclass(frozen=True)
class ProcessSpec:
    """One process of the platform.

    Attributes:
        listener: A bound socket that the process serves (`--fd`), so that no other program can take its port meanwhile.
        health_url: Asked until it answers 200; None for a process without HTTP.
    """

    name: str
    module: str
    listener: socket.socket | None = None
    health_url: str | None = None

    @property
    def inherited(self) -> tuple[int, ...]:
        """File descriptors that the process is given."""
        return () if self.listener is None else (self.listener.fileno(),)


@dataclass
class _Child:
    spec: ProcessSpec
    process: subprocess.Popen[bytes]
    started: float
    restarts: int = 0
    due: float | None = None


def plan_restart(restarts: int, lived_seconds: float) -> tuple[int, float]:
    """How many restarts count now, and how long to wait before the next: a process that lived long starts afresh."""
    count = 0 if lived_seconds >= STABLE_SECONDS else restarts
    return count + 1, RESTART_SECONDS[min(count, len(RESTART_SECONDS) - 1)]


def answers(url: str) -> bool:
    """Whether a process of this machine answers 200."""
    try:
        return httpx2.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def _die_with_parent() -> None:
    # A supervisor that is killed cannot stop its children: the kernel does it (Linux; elsewhere `synapse down` does).
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Supervisor:
    """Runs the processes of `specs`, one log file each.

    Attributes:
        environment: All variables of the processes.
        on_change: Called with name → process id after every start, so that others can see what runs.
    """

    specs: list[ProcessSpec]
    environment: Mapping[str, str]
    logs: Path
    on_change: Callable[[dict[str, int]], None] = lambda _children: None
    _children: dict[str, _Child] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start every process and wait until each is ready.

        Raises:
            NotReadyError: One of them ended or did not answer; all are stopped.
        """
        try:
            for spec in self.specs:
                self._children[spec.name] = _Child(spec, self._spawn(spec), time.monotonic())
                self._wait_ready(self._children[spec.name])
            # One without HTTP cannot say that it is ready; by now it would have ended if it could not start.
            for child in self._children.values():
                self._require_alive(child)
        except BaseException:
            self.stop()
            raise
        self._report()

    def watch(self) -> None:
        """Restart what dies until `request_stop` is called; then stop all."""
        try:
            while not self._stopping.wait(0.2):
                for child in self._children.values():
                    self._revive(child)
        finally:
            self.stop()

    def request_stop(self) -> None:
        self._stopping.set()

    def stop(self) -> None:
        """Ask the processes to end, one after the other in reverse order; kill those that do not.

        All at once, the last report of one would wait for another that has ended: the socket that it asks is open as
        long as this process is.
        """
        self._stopping.set()
        for process in [child.process for child in reversed(self._children.values())]:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(self, spec: ProcessSpec) -> subprocess.Popen[bytes]:
        with (self.logs / f"{spec.name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 (our own modules)
                [sys.executable, "-m", spec.module, *(f"--fd={number}" for number in spec.inherited)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                start_new_session=True,
                pass_fds=spec.inherited,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (no threads of ours hold locks across the fork)
            )

    def _wait_ready(self, child: _Child) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while child.spec.health_url and not answers(child.spec.health_url):
            self._require_alive(child)
            if time.monotonic() > deadline or self._stopping.is_set():
                raise NotReadyError(f"The {child.spec.name} does not answer; its log may say why: {self._log(child)}")
            time.sleep(0.05)

    def _require_alive(self, child: _Child) -> None:
        if child.process.poll() is not None:
            raise NotReadyError(f"The {child.spec.name} ended while starting; its log says why: {self._log(child)}")

    def _revive(self, child: _Child) -> None:
        if child.process.poll() is None:
            return
        now = time.monotonic()
        if child.due is None:
            child.restarts, wait = plan_restart(child.restarts, now - child.started)
            child.due = now + wait
        elif now >= child.due:
            child.process, child.started, child.due = self._spawn(child.spec), now, None
            self._report()

    def _log(self, child: _Child) -> Path:
        return self.logs / f"{child.spec.name}.log"

    def _report(self) -> None:
        self.on_change({name: child.process.pid for name, child in self._children.items()})
