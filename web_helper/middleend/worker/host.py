"""What this host is, has, and runs from: told in heartbeats and written into manifests. Nothing of it is imported."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.utils.distribution import installed_version
from synapse_sdk.wire.devices import CodeVersion, GpuReport

PROGRAM_SECONDS = 10.0
_PROC = Path("/proc")
_KEYS = ("SYNAPSE_ACCESS_TOKEN", "CVLABKIT_API_KEY")
_GPU_FIELDS = "index,name,utilization.gpu,memory.used,memory.total,driver_version"
_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Environment:
    """What a run's Python has installed.

    Attributes:
        lock: One line per distribution, `name==version`, sorted: what is really there, whatever a lock file says.
    """

    lock: str
    python: str
    torch: str | None
    cuda: str | None

    @property
    def lock_sha256(self) -> str:
        """Names this environment."""
        return sha256_of(self.lock.encode())

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest tells besides."""
        system = f"{platform.system()} {platform.release()} {platform.machine()}"
        return {"synapse": installed_version(), "torch": self.torch, "cuda": self.cuda, "system": system}


def erase_keys() -> None:
    """Take keys out of this process's variables, also out of those that `/proc/PID/environ` shows.

    That file shows the memory in which the variables lay when the process was started. Runs have the rights of the same
    user, and could read a person's token there for as long as the worker lives.
    """
    names = [name for name in os.environ if name in _KEYS]
    places = [place for name in names for place in _places_of(f"{name}=".encode())]
    for name in names:
        del os.environ[name]
    for address, size in places:
        ctypes.memset(address, 0, size)


def _places_of(prefix: bytes) -> Iterator[tuple[int, int]]:
    table = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    index = 0
    while address := table[index]:
        text = ctypes.string_at(address)
        if text.startswith(prefix):
            yield address, len(text)
        index += 1


def read_environment() -> Environment:
    """Look at what is installed now."""
    found = {(each.metadata["Name"] or "").lower(): each.version for each in distributions()}
    lock = "".join(f"{name}=={number}\n" for name, number in sorted(found.items()) if name)
    return Environment(lock, platform.python_version(), _torch_version(), _cuda_version())


def read_code_version(kit: Path, files_hash: str, lock_sha256: str) -> CodeVersion:
    """What this worker's kit is: its commit, where it is a checkout."""
    commit = _ask("git", "-C", str(kit), "rev-parse", "HEAD")
    if commit is None:
        return CodeVersion(files_hash=files_hash, uv_lock_hash=lock_sha256)
    changes = _ask("git", "-C", str(kit), "status", "--porcelain", "--", str(kit))
    branch = _ask("git", "-C", str(kit), "rev-parse", "--abbrev-ref", "HEAD")
    return CodeVersion(
        git_hash=commit,
        git_dirty=None if changes is None else bool(changes),
        branch=branch,
        files_hash=files_hash,
        uv_lock_hash=lock_sha256,
    )


class LoadMeter:
    """How busy this host is: CPU time between two looks, memory, the disk of the worker's folder.

    Args:
        folder: On the disk that is watched.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = _cpu_times()

    def measure(self) -> dict[str, Any]:
        """The fields of a heartbeat."""
        before, self._last = self._last, _cpu_times()
        busy, total = (now - then for now, then in zip(self._last, before, strict=True))
        memory, disk = _memory(), shutil.disk_usage(self._folder)
        return {
            "cpu_percent": round(100 * busy / total, 1) if total > 0 else None,
            "cpu_count": len(os.sched_getaffinity(0)),
            "memory_used_bytes": memory["MemTotal"] - memory["MemAvailable"],
            "memory_total_bytes": memory["MemTotal"],
            "disk_used_bytes": disk.used,
            "disk_total_bytes": disk.total,
        }


def read_gpus() -> tuple[list[GpuReport], str | None]:
    """The GPUs, and their driver's version; nothing where there is no driver."""
    answer = _ask("nvidia-smi", f"--query-gpu={_GPU_FIELDS}", "--format=csv,noheader,nounits")
    rows = [[cell.strip() for cell in line.split(",")] for line in (answer or "").splitlines()]
    rows = [row for row in rows if len(row) == _GPU_FIELDS.count(",") + 1 and row[0].isdigit()]
    return [_gpu_of(row) for row in rows], rows[0][-1] if rows else None


def describe_gpus(gpus: Sequence[GpuReport], driver: str | None) -> str | None:
    """The GPUs in one line, for a manifest."""
    if not gpus:
        return None
    return f"{'; '.join(f'{gpu.index}: {gpu.name}' for gpu in gpus)}; driver {driver}"[:1000]


def _gpu_of(row: list[str]) -> GpuReport:
    used, total = (_number(cell) for cell in row[3:5])
    return GpuReport(
        index=int(row[0]),
        name=row[1][:200],
        utilization_percent=_number(row[2]),
        memory_used_bytes=None if used is None else int(used * _MEBIBYTE),
        memory_total_bytes=None if total is None else int(total * _MEBIBYTE),
    )


def _number(text: str) -> float | None:
    # A GPU that cannot tell writes `[N/A]`.
    with suppress(ValueError):
        return float(text)
    return None


def _torch_version() -> str | None:
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def _cuda_version() -> str | None:
    """The CUDA that torch was built for; read, because importing torch costs seconds and gigabytes."""
    with suppress(OSError, ValueError, AttributeError):
        spec = find_spec("torch")
        text = Path(spec.origin or "").with_name("version.py").read_text() if spec else ""
        found = re.search(r"^cuda\b[^=]*=\s*'([^']+)'", text, re.MULTILINE)
        return found[1] if found else None
    return None


def _cpu_times() -> tuple[int, int]:
    """Ticks that the cores worked, and all ticks."""
    ticks = [int(field) for field in (_PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _memory() -> dict[str, int]:
    lines = (line.split() for line in (_PROC / "meminfo").read_text().splitlines())
    return {fields[0].rstrip(":"): int(fields[1]) * 1024 for fields in lines}


def _ask(*command: str) -> str | None:
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - our own commands
            [program, *command[1:]], capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
