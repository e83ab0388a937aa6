"""What a command costs: wall and CPU seconds and peak memory, of itself and of the servers that worked for it."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU is summed over all processes; memory is the largest peak of any one."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def measure(command: Sequence[str], *, servers: Sequence[int] = (), variables: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; a failure ends the benchmark with what it said."""
    for pid in servers:
        _reset_peak(pid)
    before = sum(_cpu_seconds(pid) for pid in servers)
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env={**os.environ, **(variables or {})})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed:\n{errors.read()}")
        said = output.read()
    cpu = usage.ru_utime + usage.ru_stime + sum(_cpu_seconds(pid) for pid in servers) - before
    peaks = [usage.ru_maxrss / 1024, *(_peak_mb(pid) for pid in servers)]
    return Cost(wall, cpu, max(peaks), said)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")
