"""What this host has, and what of it is really free now."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
GPU_SECONDS = 10.0
_GPU_FIELDS = "index,name,memory.total,memory.used,utilization.gpu"
# A GPU on which nothing runs shows a few MiB for its driver.
IDLE_GPU_BYTES = 512 * 2**20


def measure_capacity() -> dict[str, Any]:
    """Cores, memory in bytes, and GPUs; free is what nobody uses, whoever it may be."""
    gpus = list_gpus()
    return {
        "num_cpus": usable_cpus(),
        "load": round(os.getloadavg()[0], 2),
        "memory_bytes": total_memory(),
        "free_memory_bytes": free_memory(),
        "num_gpus": len(gpus),
        "free_gpus": sum(gpu["is_free"] for gpu in gpus),
        "gpus": gpus,
    }


def usable_cpus() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def total_memory() -> int:
    """Bytes of the machine, or of the container when it is held to less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in CGROUP_LIMITS:
        with suppress(OSError, ValueError):
            return min(machine, int(path.read_text()))
    return machine


def free_memory() -> int:
    """Bytes that a new process could have without swapping."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(line for line in lines if line.startswith("MemAvailable:"))
        return min(int(available.split()[1]) * 1024, total_memory())
    return total_memory()


def list_gpus() -> list[dict[str, Any]]:
    """NVIDIA GPUs with their memory in bytes, as the driver sees them; empty when there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={_GPU_FIELDS}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GPU_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return [gpu for line in done.stdout.splitlines() if (gpu := _parse_gpu(line)) is not None]


def _parse_gpu(line: str) -> dict[str, Any] | None:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != len(_GPU_FIELDS.split(",")) or not parts[0].isdigit():
        return None
    total, used = (int(float(part)) * 2**20 if part.replace(".", "").isdigit() else 0 for part in parts[2:4])
    return {
        "index": int(parts[0]),
        "name": parts[1],
        "memory_bytes": total,
        "free_memory_bytes": max(total - used, 0),
        "utilization_percent": int(parts[4]) if parts[4].isdigit() else None,
        "is_free": used <= IDLE_GPU_BYTES,
    }
