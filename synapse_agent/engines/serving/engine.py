"""Serving without Ray: replicas are child processes of this host, watched from one thread."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from synapse_agent.engines.serving import process as processes
from synapse_agent.engines.serving.application import Application
from synapse_agent.engines.serving.host import Host, read_log
from synapse_agent.engines.serving.protocol import Reserved
from synapse_agent.engines.serving.records import ApplicationRecord, folder_of, load_records
from synapse_agent.engines.serving.releases import forget_releases, keep_release
from synapse_sdk.wire.serve import ServeDeploy, ServeState, ServeStatus

TICK_SECONDS = 0.1
STOP_SECONDS = 15.0
_SETTLED = frozenset({ServeStatus.RUNNING, ServeStatus.DEPLOYING, ServeStatus.NOT_STARTED})


class EmbeddedEngine:
    """Serves applications as processes.

    Args:
        host: What replicas are given.

    Attributes:
        on_change: Called, from the engine's thread, after a state has changed.
    """

    def __init__(self, host: Host) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._host = host
        self._id = hashlib.sha256(str(host.home).encode()).hexdigest()[:10]
        self._releases = host.home / "releases"
        self._applications: dict[str, Application] = {}
        self._lock = threading.RLock()
        self._keeping = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="serving", daemon=True)
        self._told: dict[str, object] = {}

    def start(self) -> None:
        """Take up what an earlier agent served, clear away what it left, and watch."""
        for record in load_records(self._host.home):
            application = Application(record, self._host, self._id)
            application.adopt()
            self._applications[record.spec.name] = application
        known = {entry.id for app in self._applications.values() for entry in app.record.replicas}
        for mark in set(processes.marked(self._id).values()) - known:
            for pid in processes.marked(mark):
                processes.kill_group(pid, mark, processes.start_time(pid) or 0)
        self._thread.start()

    def stop(self) -> None:
        """End all replicas; what they serve is served again at the next start."""
        self._stop.set()
        self._wake.set()
        self._thread.join()
        with self._lock:
            for application in self._applications.values():
                application.ask_all_to_end()
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline and any(app.has_replicas() for app in self._applications.values()):
                time.sleep(0.05)
            for application in self._applications.values():
                application.end_all()
                application.close()

    def deploy(self, spec: ServeDeploy) -> ServeState:
        """Serve a class under a name, or replace what runs there. The same again changes nothing while that works.

        Raises:
            ConfigurationError: The release is not on this host.
        """
        with self._keeping:
            kept = keep_release(Path(spec.folder), self._releases)
            return self._deploy(spec.model_copy(update={"folder": str(kept)}))

    def delete(self, name: str) -> ServeState | None:
        """Let an application end; None where there is none."""
        with self._lock:
            application = self._applications.get(name)
            if application is None:
                return None
            application.delete()
            self._wake.set()
            return application.state

    def states(self) -> list[ServeState]:
        """All applications."""
        with self._lock:
            return [application.state for application in self._applications.values()]

    def held(self) -> list[Reserved]:
        """What every application was promised; the share of GPUs is that of its running replicas."""
        with self._lock:
            return [application.held for application in self._applications.values()]

    def logs(self, name: str) -> bytes:
        """What the replicas of an application have printed lately."""
        return read_log(folder_of(self._host.home, name) / "replicas.log")

    def _deploy(self, spec: ServeDeploy) -> ServeState:
        with self._lock:
            application = self._applications.get(spec.name)
            if application is None:
                application = Application(ApplicationRecord(spec=spec), self._host, self._id)
                application.record.save(application.folder)
                self._applications[spec.name] = application
            elif application.record.spec != spec or application.record.status not in _SETTLED:
                application.replace(spec)
            self._wake.set()
            return application.state

    def _watch(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                for name, application in list(self._applications.items()):
                    self._look_at(name, application)
            self._tell()
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()

    def _look_at(self, name: str, application: Application) -> None:
        try:
            application.tick(self._used_gpus())
            if application.is_gone:
                del self._applications[name]
                self._forget_releases()
            application.defects.clear()
        except Exception as exc:  # noqa: BLE001 - the agent's loop: a full disk must not end it for all applications.
            application.defects.note(exc)

    def _forget_releases(self) -> None:
        # One that is being copied now is not in use yet: leave it to the next time.
        if self._keeping.acquire(blocking=False):
            try:
                used = {Path(application.record.spec.folder) for application in self._applications.values()}
                forget_releases(self._releases, used)
            finally:
                self._keeping.release()

    def _used_gpus(self) -> dict[str, float]:
        used: dict[str, float] = {}
        for application in self._applications.values():
            for device, share in application.used_gpus.items():
                used[device] = used.get(device, 0.0) + share
        return used

    def _tell(self) -> None:
        told: dict[str, object] = {state.name: (state.status, state.message, state.replicas) for state in self.states()}
        if told != self._told:
            self._told = told
            self.on_change()
