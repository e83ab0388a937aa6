"""What a command costs: wall and CPU seconds and peak memory, of itself, its children and the servers that worked for it."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """CPU is summed over all processes; memory is the largest peak of any one, and of each by name."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str
    peaks: dict[str, float] = field(default_factory=dict)
    cpu_by_process: dict[str, float] = field(default_factory=dict)
    errors: str = ""


class Watch:
    """Looks at process trees ten times a second: a process that has ended says no longer how much memory it took."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self.peaks: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        for _, pid in self._processes():
            _reset_peak(pid)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.look()
        self._over.set()
        self._thread.join()

    def follow(self, name: str, pid: int) -> None:
        self._roots[name] = pid

    def look(self) -> dict[str, float]:
        """Peaks of those that live now, in MB; those of a tree's children are together under `name child`."""
        now: dict[str, float] = {}
        for name, pid in self._processes():
            peak = _peak_mb(pid)
            if peak is not None:
                now[name] = max(now.get(name, 0.0), peak)
        for name, peak in now.items():
            self.peaks[name] = max(self.peaks.get(name, 0.0), peak)
        return now

    def _processes(self) -> Iterable[tuple[str, int]]:
        for name, root in list(self._roots.items()):
            for pid in tree_of(root):
                yield (name if pid == root else f"{name} child"), pid

    def _run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.look()


def measure(
    command: Sequence[str], *, servers: Mapping[str, int] | None = None, variables: Mapping[str, str] | None = None
) -> Cost:
    """Run a command to its end; a failure ends the benchmark with what it said."""
    servers = servers or {}
    before = {name: cpu_of_tree(pid) for name, pid in servers.items()}
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors, Watch(servers) as watch:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env={**os.environ, **(variables or {})})
        watch.follow("command", process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        said, complained = output.read(), errors.read()
        if status:
            raise SystemExit(f"{' '.join(map(str, command))} failed:\n{complained}")
    spent = {name: cpu_of_tree(pid) - before[name] for name, pid in servers.items()}
    spent["command"] = usage.ru_utime + usage.ru_stime
    return Cost(wall, sum(spent.values()), max(watch.peaks.values(), default=0.0), said, watch.peaks, spent, complained)


def tree_of(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            children = [(task / "children").read_text() for task in tasks]
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += [int(child) for line in children for child in line.split()]
    return found


def cpu_of_tree(pid: int) -> float:
    """CPU seconds of a process, of those of its descendants that live, and of those that it has seen to their end."""
    return sum(_cpu_seconds(each) for each in tree_of(pid))


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS_PER_SECOND


def _peak_mb(pid: int) -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # One that has ended and waits for its parent has no memory left to tell of.
    return int(status.split("VmHWM:")[1].split()[0]) / 1024 if "VmHWM:" in status else None


def _reset_peak(pid: int) -> None:
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except (FileNotFoundError, ProcessLookupError):
        return
