"""A Ray cluster of this machine's own for the tests: one head node on 127.0.0.1, stopped by the process that was started."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

READY_SECONDS = 60
STOP_SECONDS = 5
OBJECT_STORE_BYTES = 2**28


class RayMissingError(Exception):
    """Ray is not installed."""


@dataclass(frozen=True)
class RayCluster:
    """Where the cluster answers: `address` for drivers, `dashboard` for the Jobs API."""

    address: str
    dashboard: str


@contextmanager
def run_ray(num_cpus: int = 2) -> Iterator[RayCluster]:
    """Start a head node, wait until its Jobs API answers, stop every process of it."""
    if find_spec("ray") is None:
        raise RayMissingError("no Ray: pip install 'synapse-platform[ray]'")
    # Ray's sockets lie in here, and a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="sr-", dir="/tmp"))
    gcs, dashboard, agent = _free_ports(3)
    command = [
        Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--node-ip-address=127.0.0.1",
        f"--port={gcs}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}",
        f"--dashboard-agent-listen-port={agent}", "--include-dashboard=true", f"--num-cpus={num_cpus}",
        f"--object-store-memory={OBJECT_STORE_BYTES}", "--disable-usage-stats", f"--temp-dir={folder / 'r'}",
    ]  # fmt: skip
    log = (folder / "start.log").open("wb")
    # As in an activated environment: the command of a job is `python -m …`.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, "PATH": path}
    )
    try:
        _wait_for(dashboard, process, folder / "start.log")
        yield RayCluster(f"127.0.0.1:{gcs}", f"http://127.0.0.1:{dashboard}")
    finally:
        _stop(process)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    import httpx2

    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx2.TransportError):
            if httpx2.get(f"http://127.0.0.1:{port}/api/jobs/", timeout=5).status_code == httpx2.codes.OK:
                return
        time.sleep(0.2)
    raise AssertionError(f"Ray did not start:\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Every process of the node stays in the session that was started for it, workers and jobs included.
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_SECONDS
        for pid in _alive_in(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        while _alive_in(process.pid) and time.monotonic() < deadline:
            process.poll()
            time.sleep(0.1)
    process.wait(STOP_SECONDS)


def _alive_in(session: int) -> list[int]:
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, _group, owner = stat.read_text().rpartition(")")[2].split()[:4]
            if int(owner) == session and state != "Z":
                pids.append(int(stat.parent.name))
    return pids


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
