"""What this host has and has left: cores and memory as its container limits them, and its GPUs."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")
NVIDIA_SMI_SECONDS = 10.0


@dataclass(frozen=True)
class Machine:
    """What there is: cores (parts of one where a container is given parts), memory in bytes, ids of GPUs."""

    num_cpus: float
    memory: int
    gpus: tuple[str, ...] = ()


def measure_machine() -> Machine:
    """Look; asking for GPUs may take a second, so this is done once."""
    return Machine(count_cpus(), count_memory(), list_gpus())


def count_cpus(cgroup: Path = _CGROUP) -> float:
    """Cores that this process may use: its affinity, and its container's quota."""
    cores = float(len(os.sched_getaffinity(0)))
    with suppress(OSError, ValueError):
        quota, period = (cgroup / "cpu.max").read_text().split()
        return min(cores, int(quota) / int(period))
    with suppress(OSError, ValueError):
        quota_us = int((cgroup / "cpu" / "cpu.cfs_quota_us").read_text())
        period_us = int((cgroup / "cpu" / "cpu.cfs_period_us").read_text())
        return min(cores, quota_us / period_us) if quota_us > 0 else cores
    return cores


def count_memory(cgroup: Path = _CGROUP) -> int:
    """Bytes of memory: the machine's, or its container's limit."""
    return min(_meminfo("MemTotal"), _container_limit(cgroup) or _meminfo("MemTotal"))


def free_memory(cgroup: Path = _CGROUP) -> int:
    """Bytes that can be had now without swapping."""
    free = _meminfo("MemAvailable")
    limit = _container_limit(cgroup)
    if limit is not None:
        for name in ("memory.current", "memory/memory.usage_in_bytes"):
            with suppress(OSError, ValueError):
                return max(0, min(free, limit - int((cgroup / name).read_text())))
    return free


def list_gpus() -> tuple[str, ...]:
    """Ids of the GPUs as `CUDA_VISIBLE_DEVICES` takes them; empty without a driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    command = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=NVIDIA_SMI_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    lines = [line.strip() for line in done.stdout.splitlines()]
    return tuple(line for line in lines if line.isdigit()) if done.returncode == 0 else ()


def _container_limit(cgroup: Path) -> int | None:
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            return int((cgroup / name).read_text())
    return None


def _meminfo(name: str) -> int:
    for line in _MEMINFO.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
