"""What the engine gives its replicas: a clean environment, threads and devices within their share, a socket, a log."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from synapse_sdk.plugins.actions.inference.model_store import FOLDER_VARIABLE
from synapse_sdk.plugins.actions.inference.model_token import KEY_VARIABLE
from synapse_sdk.wire.serve import ServeDeploy

# Beyond these nothing of the agent's own environment reaches a plugin's code: it holds keys.
PASSED_ON = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "USER",
        "LOGNAME",
        "PYTHONPATH",
    }
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# What a process frees, the C library hands back, and each page costs anew when it is needed again: a third of the CPU
# of a model that makes arrays of a few MB for every image. Replicas keep some; older libraries no block over 32 MiB.
KEPT_BLOCK_BYTES, KEPT_BYTES = 32 * 2**20, 128 * 2**20
BACKLOG = 2048
MAX_LOG_BYTES = 8 * 2**20
KEPT_LOG_BYTES = 2 * 2**20


@dataclass(frozen=True)
class Host:
    """Facts of the machine that every replica shares.

    Attributes:
        home: Folder of the applications' files.
        environment: The agent's own environment; replicas see a small part.
        key: With which tokens that name a model are signed.
        address: Where applications listen.
        devices: Ids of the GPUs.
        orphan_seconds: How long replicas go on when their agent was killed, waiting for the next one.
    """

    home: Path
    environment: Mapping[str, str] = field(repr=False)
    key: str = field(repr=False)
    address: str = "127.0.0.1"
    devices: tuple[str, ...] = ()
    orphan_seconds: float = 30.0

    def replica_environment(self, spec: ServeDeploy, mark: Mapping[str, str], gpus: Iterable[str]) -> dict[str, str]:
        """Variables of one replica."""
        threads = str(max(1, int(spec.resources.num_cpus)))
        passed = {name: value for name, value in self.environment.items() if name in PASSED_ON}
        return {
            **passed,
            **dict.fromkeys(THREAD_VARIABLES, threads),
            **memory_variables(spec),
            **spec.env,
            **mark,
            "CUDA_VISIBLE_DEVICES": ",".join(gpus),
            "PYTHONUNBUFFERED": "1",
            KEY_VARIABLE: self.key,
            FOLDER_VARIABLE: str(self.home / "models"),
        }

    def open_listener(self, port: int) -> socket.socket:
        """A listening socket, at the port that it had before if that is free."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.address, port))
        except OSError:
            listener.bind((self.address, 0))
        listener.listen(BACKLOG)
        return listener


def memory_variables(spec: ServeDeploy) -> dict[str, str]:
    """Variables that let a replica keep what its model frees for the next request, within an eighth of its memory."""
    memory = spec.resources.memory
    kept = KEPT_BYTES if memory is None else min(KEPT_BYTES, memory // 8)
    return {"MALLOC_MMAP_THRESHOLD_": str(min(KEPT_BLOCK_BYTES, kept)), "MALLOC_TRIM_THRESHOLD_": str(kept)}


def choose_devices(wanted: float, devices: Iterable[str], used: Mapping[str, float]) -> dict[str, float] | None:
    """GPUs for one replica: whole ones, or a share of one; None when there is no room."""
    free = {device: 1.0 - used.get(device, 0.0) for device in devices}
    if wanted <= 0:
        return {}
    if wanted < 1:
        # The fullest that still has room: whole ones stay free for those who need one.
        fitting = sorted((left, device) for device, left in free.items() if left >= wanted - 1e-9)
        return {fitting[0][1]: wanted} if fitting else None
    whole = [device for device, left in free.items() if left >= 1.0 - 1e-9]
    count = int(wanted)
    return dict.fromkeys(whole[:count], 1.0) if len(whole) >= count else None


def bound_log(path: Path) -> None:
    """Keep the end of a log that has grown too long; those who append to it go on."""
    with suppress(OSError):
        if path.stat().st_size <= MAX_LOG_BYTES:
            return
        with path.open("rb") as file:
            file.seek(-KEPT_LOG_BYTES, os.SEEK_END)
            path.with_suffix(".log.1").write_bytes(file.read())
        os.truncate(path, 0)


def read_log(path: Path) -> bytes:
    """The end of a log."""
    parts = []
    for file in (path.with_suffix(".log.1"), path):
        with suppress(OSError):
            parts.append(file.read_bytes())
    return b"".join(parts)[-KEPT_LOG_BYTES:]


def remove_files(folder: Path) -> None:
    """Delete an application's files."""
    shutil.rmtree(folder, ignore_errors=True)
