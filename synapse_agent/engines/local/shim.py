"""Stands between the agent and one run: starts its commands, holds them to limits, and writes down how they ended.

It outlives the agent, so that a run survives the agent's restart. Its order comes through stdin, because that leaves no
trace of the run's credentials on disk or in a process list. Only the standard library, and no package of ours: a run
costs 10 MB and some milliseconds more than its own process. Linux adopts orphans of the run to it (subreaper), so that
not even a process that left its group and session outlives the run.

    python -I -S shim.py FOLDER < order.json

It writes `shim.json` (who it is), `console/` (what was printed) and, last, `exit.json`.
"""

# ruff: noqa: PTH103, PTH105, PTH108, PTH110, PTH118, PTH123, PTH208, S603, PLW1509
# pathlib would double the time to start; the commands are the agent's own order; there is one thread only.
from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOK_SECONDS = 0.2
READ_BYTES = 1 << 16
DRAIN_SECONDS = 2.0
# What of the console is kept: its beginning, and the newest segments.
SEGMENTS = 8
MIN_SEGMENT_BYTES = 1 << 14
KILL_SECONDS = 10.0

stop_requested = False


class Console:
    """Segments of a log, each named by the number of bytes before it; those in the middle go when there is too much."""

    def __init__(self, folder: str, limit: int, secrets: list[str]) -> None:
        self._folder = folder
        self._segment_bytes = max(limit // SEGMENTS, MIN_SEGMENT_BYTES)
        self._secrets = [text.encode() for text in secrets if text]
        self._held = b""
        self._size = self._in_segment = 0
        self._kept: list[str] = []
        self._file: Any = None
        os.makedirs(folder, mode=0o700, exist_ok=True)

    def write(self, data: bytes) -> None:
        data = self._held + data
        for secret in self._secrets:
            data = data.replace(secret, b"***")
        # The beginning of a secret at the end of what was read waits for its rest.
        held = max((_overlap(data, secret) for secret in self._secrets), default=0)
        self._held = data[len(data) - held :] if held else b""
        self._append(data[: len(data) - held])

    def close(self) -> None:
        self._append(self._held)
        if self._file is not None:
            self._file.close()

    def _append(self, data: bytes) -> None:
        while data:
            if self._file is None or self._in_segment >= self._segment_bytes:
                self._rotate()
            part = data[: self._segment_bytes - self._in_segment]
            # A full disk must not end the run; what does not fit is lost.
            with contextlib.suppress(OSError):
                self._file.write(part)
                self._file.flush()
            self._size += len(part)
            self._in_segment += len(part)
            data = data[len(part) :]

    def _rotate(self) -> None:
        if self._file is not None:
            self._file.close()
        name = os.path.join(self._folder, f"{self._size:015d}.log")
        self._file, self._in_segment = open(name, "ab"), 0  # noqa: SIM115
        self._kept.append(name)
        if len(self._kept) > SEGMENTS:
            os.unlink(self._kept.pop(1))


def _overlap(data: bytes, secret: bytes) -> int:
    for length in range(min(len(secret) - 1, len(data)), 0, -1):
        if data.endswith(secret[:length]):
            return length
    return 0


class Run:
    """One command of the run, while it runs."""

    def __init__(self, command: dict[str, Any], order: dict[str, Any], folder: str) -> None:
        self._order, self._stop_file = order, os.path.join(folder, "stop")
        self._deadline = time.monotonic() + command["time_seconds"] if command["time_seconds"] else None
        self._kill_at: float | None = None
        self.reason = "ended"
        self.reader, writer = os.pipe()
        try:
            self.process = subprocess.Popen(
                command["argv"],
                cwd=command["cwd"],
                env=command["env"],
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
                preexec_fn=_prepare_child,
            )
        finally:
            os.close(writer)

    def watch(self, console: Console) -> int:
        """Until the command has ended; its status, negative for a signal."""
        looked = 0.0
        while self.process.poll() is None:
            self._pump(console, LOOK_SECONDS)
            now = time.monotonic()
            if now - looked >= LOOK_SECONDS:
                looked = now
                _reap(except_pid=self.process.pid)
                self._look(now)
        kill_descendants()
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline and self._pump(console, 0.0):
            pass
        os.close(self.reader)
        return self.process.returncode

    def _pump(self, console: Console, seconds: float) -> bool:
        if not select.select([self.reader], [], [], seconds)[0]:
            return False
        data = os.read(self.reader, READ_BYTES)
        if data:
            console.write(data)
        else:
            # The run closed its output and goes on.
            time.sleep(seconds)
        return bool(data)

    def _look(self, now: float) -> None:
        if self._kill_at is not None:
            if now >= self._kill_at:
                kill_descendants()
            return
        limit = self._order["memory_bytes"]
        if limit and tree_memory(limit) > limit:
            self.reason = "memory_limit"
            kill_descendants()
        elif self._deadline is not None and now >= self._deadline:
            self._terminate("time_limit", now)
        elif stop_requested or os.path.exists(self._stop_file):
            self._terminate("stopped", now)

    def _terminate(self, reason: str, now: float) -> None:
        self.reason, self._kill_at = reason, now + self._order["stop_seconds"]
        for pid in descendants():
            _signal(pid, signal.SIGTERM)


def _prepare_child() -> None:
    if sys.platform == "linux":
        # When this shim is killed, its run must not go on unseen.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # When memory runs out, the kernel takes the run and not the agent or the server.
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")


def kill_descendants() -> None:
    """Kill every process of the run, also those that left its group, until none is left."""
    deadline = time.monotonic() + KILL_SECONDS
    while time.monotonic() < deadline:
        left = descendants()
        for pid in left:
            _signal(pid, signal.SIGKILL)
        _reap()
        if not left:
            return
        time.sleep(0.01)


def descendants() -> list[int]:
    """All processes below this one that are not dead yet."""
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _processes() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
                if state != "Z":
                    yield int(name), int(parent)


def tree_memory(limit: int) -> int:
    """Bytes that the run's processes hold. Resident size counts shared pages twice, so it is only a first look."""
    pids, page = descendants(), os.sysconf("SC_PAGE_SIZE")
    resident = sum(_first_number(f"/proc/{pid}/statm", 1) * page for pid in pids)
    if resident <= limit:
        return resident
    return sum(_proportional(pid) for pid in pids)


def _first_number(path: str, index: int) -> int:
    try:
        with open(path) as file:
            return int(file.read().split()[index])
    except (OSError, IndexError, ValueError):
        return 0


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _reap(except_pid: int | None = None) -> None:
    """Take note of adopted children that ended; the run's own process is taken by its `Popen`."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if found.si_pid == except_pid or (except_pid is None and _is_owned(found.si_pid)):
                return
            os.waitpid(found.si_pid, 0)


_current: list[Run] = []


def _is_owned(pid: int) -> bool:
    return bool(_current) and _current[0].process.pid == pid and _current[0].process.returncode is None


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def run_commands(order: dict[str, Any], folder: str, console: Console) -> dict[str, Any]:
    """Run the commands one after the other; how the last one ended."""
    ending: dict[str, Any] = {}
    for step, command in enumerate(order["commands"]):
        if stop_requested or os.path.exists(os.path.join(folder, "stop")):
            return {"reason": "stopped", "step": step}
        try:
            run = Run(command, order, folder)
        except (OSError, subprocess.SubprocessError) as exc:
            return {"reason": "not_started", "step": step, "message": getattr(exc, "strerror", None) or str(exc)}
        _current[:] = [run]
        status = run.watch(console)
        ended = {"exit_code": status} if status >= 0 else {"signal": -status}
        ending = {"reason": run.reason, "step": step, **ended}
        if run.reason != "ended" or status != 0:
            break
    return ending


def save(path: str, content: dict[str, Any]) -> None:
    """Write a record beside its place and rename it: it is there whole or not at all."""
    with open(f"{path}.part", "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.part", path)


def started_at(pid: int) -> int:
    """When a process started, in ticks since the machine did: with it, a process id names one process for good."""
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[19])


def _request_stop(_signal_number: int, _frame: object) -> None:
    global stop_requested  # noqa: PLW0603 - a signal handler has nowhere else to put it.
    stop_requested = True


def main() -> int:
    folder = sys.argv[1]
    signal.signal(signal.SIGTERM, _request_stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    order = json.loads(sys.stdin.buffer.read())
    lock = open(os.path.join(folder, "shim.lock"), "w")  # noqa: SIM115 - held until this process ends.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 1
    if os.path.exists(os.path.join(folder, "exit.json")):
        return 1
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    save(os.path.join(folder, "shim.json"), {"pid": os.getpid(), "started_at": started_at(os.getpid()), "boot": boot})
    console = Console(os.path.join(folder, "console"), order["output_bytes"], order["secrets"])
    ending = run_commands(order, folder, console)
    console.close()
    save(os.path.join(folder, "exit.json"), ending)
    return 0


if __name__ == "__main__":
    sys.exit(main())
