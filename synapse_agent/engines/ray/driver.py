"""The part of a run that Ray starts on one of its nodes: a guard, and below it the shim that every run has.

It travels with the run, next to `shim.py`, and needs only the standard library. Its order lies beside it in a file,
which is gone before the plugin begins. What the run prints goes to the job's log between two marks, and behind the
second one how it ended and what it left: the node may be another machine, and the log is what comes back from there.

There are two processes because Ray kills the one that it started when a supervisor of its own goes. The shim then hears
of it (`PR_SET_PDEATHSIG`) and ends the run in order; should the shim be killed, the guard ends what it left.
"""

# ruff: noqa: PTH100, PTH107, PTH109, PTH118, PTH119, PTH120, PTH123, PTH207, SLF001
# As in the shim, of which this is one half: the standard library's lightest parts only.
from __future__ import annotations

import codecs
import contextlib
import ctypes
import glob
import io
import json
import os
import signal
import sys
from collections import deque
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# It lies beside this file only where this runs.
import shim  # type: ignore[import-not-found]

ORDER, RESULT, SPOOL = "order.json", "result.json", "spool"
MAX_SPOOL_BYTES = 4 * 2**20
LOOK_SECONDS = 1.0


class LogConsole(shim.Console):  # type: ignore[misc]
    """What a run prints, to the job's log: its beginning as it comes, and where there is too much, its end at the end.

    Ray reads its logs as UTF-8 and makes line ends alike; so does this, or positions in it would mean nothing.
    """

    def __init__(self, limit: int, secrets: list[str]) -> None:
        self._secrets = [text.encode() for text in secrets if text]
        self._held = b""
        self._left = self._kept = limit // 2
        self._tail: deque[bytes] = deque()
        self._tail_bytes = self._lost = 0
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = io.IncrementalNewlineDecoder(decoder, translate=True)

    def close(self) -> None:
        self._append(self._held)
        self._keep(self._text.decode(b"", final=True).encode())
        if self._lost:
            _write(f"\n[{self._lost:,} bytes of output were left out here: it printed too much]\n".encode())
        for part in self._tail:
            _write(part)

    def _append(self, data: bytes) -> None:
        self._keep(self._text.decode(data).encode())

    def _keep(self, data: bytes) -> None:
        now, later = data[: self._left], data[self._left :]
        self._left -= len(now)
        _write(now)
        if later:
            self._tail.append(later)
            self._tail_bytes += len(later)
        while self._tail_bytes > self._kept and len(self._tail) > 1:
            lost = len(self._tail.popleft())
            self._tail_bytes -= lost
            self._lost += lost


def run(order: dict[str, Any]) -> int:
    """Run the order's commands, and say how that went; nothing where the guard was killed meanwhile."""
    watcher = os.getppid()
    signal.signal(signal.SIGTERM, shim._request_stop)
    ctypes.CDLL(None).prctl(shim.PR_SET_CHILD_SUBREAPER, 1)
    ctypes.CDLL(None).prctl(shim.PR_SET_PDEATHSIG, signal.SIGTERM)
    _write(order["mark"].encode() + b"begin\n")
    console = LogConsole(order["output_bytes"], order["secrets"])
    ending = shim.run_commands(order, os.getcwd(), console)
    console.close()
    if os.getppid() != watcher:
        return 1
    _write(f"{order['mark']}end {json.dumps({'ending': ending, **_left()})}\n".encode())
    return 0


def guard(pid: int) -> int:
    """Wait for the shim, pass on that it shall stop, and end what it leaves behind."""
    # SIGINT is how Ray asks: it sends its signal to all processes of the job, and the plugin's must come once only.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _tell(pid))
    parent, ended = os.getppid(), 0
    while not ended:
        # A head that is killed takes Ray's supervisor with it, and not always what that had started.
        if os.getppid() != parent:
            _tell(pid)
        signal.sigtimedwait({signal.SIGCHLD}, LOOK_SECONDS)
        ended, status = os.waitpid(pid, os.WNOHANG)
    shim.kill_descendants()
    return os.waitstatus_to_exitcode(status)


def localise(order: dict[str, Any], here: str) -> dict[str, Any]:
    """The order with paths of this machine, and with this process's variables behind those that it brings.

    Args:
        order: As the agent wrote it, with paths below the run's folder on its machine.
        here: What that folder is on this one.
    """
    there = order["folder"]

    def local(text: str) -> str:
        return here + text[len(there) :] if text == there or text.startswith(f"{there}/") else text

    commands = [
        {
            **command,
            "argv": [local(part) for part in command["argv"]],
            "cwd": local(command["cwd"]),
            "env": {**os.environ, **{name: local(value) for name, value in command["env"].items()}},
        }
        for command in order["commands"]
    ]
    return {**order, "commands": commands}


def _left() -> dict[str, Any]:
    left: dict[str, Any] = {"result": _read(RESULT), "spool": {}}
    size = 0
    for path in sorted(glob.glob(os.path.join(SPOOL, "*.jsonl"))):
        text = _read(path) or ""
        size += len(text)
        if size <= MAX_SPOOL_BYTES:
            left["spool"][os.path.basename(path)] = text
    return left


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _tell(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def main() -> int:
    with open(ORDER, encoding="utf-8") as file:
        order = json.load(file)
    os.remove(ORDER)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Before the fork: a stop that comes now must find someone who knows it.
    signal.signal(signal.SIGTERM, shim._request_stop)
    ctypes.CDLL(None).prctl(shim.PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    pid = os.fork()
    # Ray blocks signals in what it starts.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    if pid:
        return guard(pid)
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    return run(localise(order, os.getcwd()))


if __name__ == "__main__":
    sys.exit(main())
