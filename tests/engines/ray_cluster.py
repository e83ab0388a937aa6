"""A Ray cluster of this machine's own for the tests: one head node on 127.0.0.1, stopped by the process that was started."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.engines.needed import EngineMissingError
from tests.engines.ports import free_ports

PR_SET_PDEATHSIG = 1
READY_SECONDS = 300
STOP_SECONDS, KILLED_SECONDS = 5, 60
OBJECT_STORE_BYTES = 2**28
PATIENCE = {
    "RAY_raylet_start_wait_time_s": str(READY_SECONDS),
    "RAY_agent_register_timeout_ms": str(READY_SECONDS * 1000),
}
HEAD_PROGRAMS = ("gcs_server", "raylet/raylet", "dashboard/dashboard.py", "monitor.py")


@dataclass(frozen=True)
class RayCluster:
    """Where the cluster answers: `address` for drivers, `dashboard` for the Jobs API."""

    address: str
    dashboard: str


class RayHead:
    """A head node, which can be killed and started again at the same addresses.

    Args:
        num_cpus: What it has to give.
        python: Interpreter whose environment the cluster's processes have; this one when None.
    """

    def __init__(self, num_cpus: int = 2, python: Path | None = None) -> None:
        if find_spec("ray") is None:
            raise EngineMissingError("no Ray: pip install 'synapse-platform[ray]'")
        # Ray's sockets lie in here, and a socket's path may have 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="sr-", dir="/tmp"))
        self._num_cpus, self._ports, self._starts = num_cpus, free_ports(3), 0
        self._python = python or Path(sys.executable)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def cluster(self) -> RayCluster:
        gcs, dashboard, _ = self._ports
        return RayCluster(f"127.0.0.1:{gcs}", f"http://127.0.0.1:{dashboard}")

    def start(self) -> None:
        """Start it, and wait until it has a node that can run something.

        Raises:
            AssertionError: It did not start.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not self._try_start(deadline):
            self.stop()
            said = (self._folder / "start.log").read_text()[-2000:]
            assert time.monotonic() < deadline, f"Ray did not start:\n{said}"

    def _try_start(self, deadline: float) -> bool:
        self._starts += 1
        gcs, dashboard, agent = self._ports
        command = [
            self._python, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--node-ip-address=127.0.0.1",
            f"--port={gcs}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}",
            f"--dashboard-agent-listen-port={agent}", "--include-dashboard=true", f"--num-cpus={self._num_cpus}",
            f"--object-store-memory={OBJECT_STORE_BYTES}", "--disable-usage-stats",
            f"--temp-dir={self._folder / f'r{self._starts}'}",
        ]  # fmt: skip
        # As in an activated environment: the command of a job is `python -m …`.
        path = f"{self._python.parent}{os.pathsep}{os.environ['PATH']}"
        log = self._folder / "start.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PATH": path, **PATIENCE},
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - a single call into libc, which takes no lock.
            )
        while time.monotonic() < deadline and self._process.poll() is None and not self._has_lost_its_node():
            if _has_node(dashboard):
                return True
            time.sleep(0.2)
        return False

    def _has_lost_its_node(self) -> bool:
        # A raylet gives its helpers 15 s to start, which a busy machine may not keep; the head then goes on without.
        errors = self._folder.glob(f"r{self._starts}/session_2*/logs/raylet.err")
        return any("Check failed" in path.read_text(errors="replace") for path in errors)

    def kill(self) -> None:
        """Kill what makes it a head node; what ran on it is left to find out."""
        assert self._process is not None
        heads = [pid for pid in _alive_in(self._process.pid) if any(name in _command_of(pid) for name in HEAD_PROGRAMS)]
        for pid in [self._process.pid, *heads]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(KILLED_SECONDS)

    def stop(self) -> None:
        """Stop every process of it, also of former starts."""
        if self._process is not None:
            _stop(self._process)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def run_ray(num_cpus: int = 2) -> Iterator[RayCluster]:
    """Start a head node, wait until its Jobs API answers, stop every process of it."""
    head = RayHead(num_cpus)
    try:
        head.start()
        yield head.cluster
    finally:
        head.close()


def _end_with_parent() -> None:
    # Tests that are killed must leave no cluster behind; `ray start --block` ends its node when it is told to.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _has_node(port: int) -> bool:
    import httpx2

    # The dashboard answers before there is a node that could run anything.
    with suppress(httpx2.TransportError):
        answer = httpx2.get(f"http://127.0.0.1:{port}/api/v0/nodes", timeout=20)
        return answer.status_code == httpx2.codes.OK and '"ALIVE"' in answer.text
    return False


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
    process.wait(KILLED_SECONDS)


def _alive_in(session: int) -> list[int]:
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, _group, owner = stat.read_text().rpartition(")")[2].split()[:4]
            if int(owner) == session and state != "Z":
                pids.append(int(stat.parent.name))
    return pids
