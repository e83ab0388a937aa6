"""Stands between the worker and one run: starts it, keeps what it prints, and writes down how it ended.

It outlives the worker, so that a run survives the worker's restart. Only the standard library. Linux adopts orphans of
the run to it (subreaper), so that not even a process that left its group and session outlives the run.

    python -I -S keeper.py FOLDER < order.json

In FOLDER it writes `keeper.json` (who it is), `log` (what was printed) and, last, `exit.json`; it obeys the files
`stop` and `pause`.
"""

# ruff: noqa: PTH110, PTH105, PTH118, PTH123, PTH208, S603, PLW1509
# pathlib would double the time to start; the command is the worker's own order; there is one thread only.
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
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOK_SECONDS = 0.2
READ_BYTES = 1 << 16
DRAIN_SECONDS = 2.0
KILL_SECONDS = 10.0
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Of a log that is too long, the end is kept as well: that is where the reason stands.
TAIL_BYTES = 1 << 16


class Log:
    """A file that only grows, up to a limit; what comes after is dropped, but for its end.

    Args:
        path: The file.
        limit: Bytes of the beginning that are kept.
    """

    def __init__(self, path: str, limit: int) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - closed with this process
        self._room = limit - self._file.tell()
        self._tail = b""
        self._dropped = 0

    def write(self, data: bytes) -> None:
        """Take what was printed."""
        fitting, rest = data[: max(self._room, 0)], data[max(self._room, 0) :]
        self._append(fitting)
        self._room -= len(fitting)
        self._dropped += len(rest)
        self._tail = (self._tail + rest)[-TAIL_BYTES:]

    def close(self) -> None:
        """Add the end of what was dropped."""
        if self._dropped:
            left_out = self._dropped - len(self._tail)
            self._append(f"\n[{left_out} bytes were left out here]\n".encode() + self._tail)

    def _append(self, data: bytes) -> None:
        # A full disk must not end the run; what does not fit is lost.
        with contextlib.suppress(OSError):
            while data:
                data = data[self._file.write(data) :]


class Run:
    """The command, while it runs."""

    def __init__(self, order: dict[str, Any], folder: str) -> None:
        self._stop_seconds = order["stop_seconds"]
        self._stop_file, self._pause_file = os.path.join(folder, "stop"), os.path.join(folder, "pause")
        self._kill_at: float | None = None
        self._is_paused = False
        self.reader, writer = os.pipe()
        try:
            self.process = subprocess.Popen(
                order["argv"],
                cwd=order["cwd"],
                env=order["env"],
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
                preexec_fn=_prepare_child,
            )
        finally:
            os.close(writer)

    @property
    def was_stopped(self) -> bool:
        """Whether it ended because somebody asked for it."""
        return self._kill_at is not None

    def watch(self, log: Log) -> int:
        """Until the command has ended; its status, negative for a signal."""
        looked = 0.0
        while self.process.poll() is None:
            self._pump(log, LOOK_SECONDS)
            now = time.monotonic()
            if now - looked >= LOOK_SECONDS:
                looked = now
                _reap(except_pid=self.process.pid)
                self._obey(now)
        kill_descendants(self.process)
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline and self._pump(log, 0.0):
            pass
        return self.process.returncode

    def _pump(self, log: Log, seconds: float) -> bool:
        if not select.select([self.reader], [], [], seconds)[0]:
            return False
        data = os.read(self.reader, READ_BYTES)
        if data:
            log.write(data)
        else:
            # It is over, or it closed its output and goes on.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        return bool(data)

    def _obey(self, now: float) -> None:
        if self._kill_at is not None:
            if now >= self._kill_at:
                kill_descendants(self.process)
        elif os.path.exists(self._stop_file):
            self._kill_at = now + self._stop_seconds
            _signal_all(signal.SIGTERM)
            # What is paused could not end.
            _signal_all(signal.SIGCONT)
        elif os.path.exists(self._pause_file) is not self._is_paused:
            self._is_paused = not self._is_paused
            _signal_all(signal.SIGSTOP if self._is_paused else signal.SIGCONT)


def _prepare_child() -> None:
    # What this keeper ignores, its run must not: a stop is a SIGTERM.
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)
    # When this keeper is killed, its run must not go on unseen.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # When memory runs out, the kernel takes the run and not the worker.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")


def kill_descendants(process: subprocess.Popen[bytes]) -> None:
    """Kill every process of the run, also those that left its group, until none is left."""
    deadline = time.monotonic() + KILL_SECONDS
    while descendants() and time.monotonic() < deadline:
        _signal_all(signal.SIGKILL)
        # How the run's own process ended is its `Popen`'s to take: taken here, it would read as a success.
        _reap(except_pid=process.pid if process.poll() is None else None)
        time.sleep(0.01)


def descendants() -> list[int]:
    """All processes below this one that are not dead yet."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
                if state != "Z":
                    children.setdefault(int(parent), []).append(int(name))
    found, waiting = [], [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _signal_all(number: int) -> None:
    for pid in descendants():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _reap(except_pid: int | None = None) -> None:
    """Take note of adopted children that ended; the run's own process is taken by its `Popen`."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if found.si_pid == except_pid:
                return
            os.waitpid(found.si_pid, 0)


def run_command(order: dict[str, Any], folder: str) -> dict[str, Any]:
    """Run the command; how it ended."""
    if os.path.exists(os.path.join(folder, "stop")):
        return {"reason": "stopped"}
    log = Log(os.path.join(folder, "log"), order["log_bytes"])
    try:
        run = Run(order, folder)
    except (OSError, subprocess.SubprocessError) as exc:
        return {"reason": "not_started", "message": getattr(exc, "strerror", None) or str(exc)}
    status = run.watch(log)
    log.close()
    ended = {"exit_code": status} if status >= 0 else {"signal": -status}
    return {"reason": "stopped" if run.was_stopped else "ended", **ended}


def save(path: str, content: dict[str, Any]) -> None:
    """Write a record beside its place and rename it: it is there whole or not at all."""
    with open(f"{path}.part", "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.part", path)


def whoami() -> dict[str, Any]:
    """This process, told apart from any that gets its id later."""
    with open("/proc/self/stat") as stat, open("/proc/sys/kernel/random/boot_id") as boot:
        started_at = int(stat.read().rpartition(")")[2].split()[19])
        return {"pid": os.getpid(), "started_at": started_at, "boot": boot.read().strip()}


def keep(folder: str, order: dict[str, Any], reporter: int) -> None:
    """Keep one run, unless another keeper has it or had it; say through a pipe that it has begun."""
    lock = open(os.path.join(folder, "keeper.lock"), "w")  # noqa: SIM115 - held until this process ends.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    # A keeper that was killed has begun, too: beginning again would do the run's work twice.
    if os.path.exists(os.path.join(folder, "keeper.json")):
        return
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    save(os.path.join(folder, "keeper.json"), whoami())
    os.write(reporter, b"begun")
    os.close(reporter)
    save(os.path.join(folder, "exit.json"), run_command(order, folder))


def main() -> int:
    """Go into the background, so that nobody has to wait for the end; 0 when the run has begun."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    order = json.loads(sys.stdin.buffer.read())
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        keep(sys.argv[1], order, writer)
        return 0
    os.close(writer)
    return 0 if os.read(reader, 16) else 1


if __name__ == "__main__":
    sys.exit(main())
