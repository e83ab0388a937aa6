"""Serving on Ray Serve: the agent declares what is to be served, and watches what comes of it."""

from __future__ import annotations

import hashlib
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synapse_agent.core.event_log import DefectLog, log_event
from synapse_agent.engines.ray.cluster import RayCluster, RayRefusedError
from synapse_agent.engines.ray.serve.declaration import (
    declare,
    declared_by_others,
    owner_of,
    pack_release,
)
from synapse_agent.engines.ray.serve.logs import read_logs
from synapse_agent.engines.ray.serve.records import Deployment, RayApplication, load_applications
from synapse_agent.engines.ray.serve.view import AWAY, View, view_application
from synapse_agent.engines.serving.protocol import Reserved
from synapse_agent.engines.serving.releases import forget_releases, keep_release
from synapse_sdk.exceptions import ConflictError, ServerError
from synapse_sdk.utils.file.unpacking import unpack_archive
from synapse_sdk.wire.serve import MAX_MESSAGE_CHARACTERS, CapacityRequest, ServeDeploy, ServeState, ServeStatus

LOOK_SECONDS = 0.5
# How long a declaration may take to show before it is made again.
SETTLE_SECONDS = 5.0
_SETTLED = frozenset({ServeStatus.RUNNING, ServeStatus.DEPLOYING, ServeStatus.NOT_STARTED})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class ServeHost:
    """What the engine needs beside the cluster.

    Attributes:
        home: Folder of its records and releases.
        key: With which tokens that name a model are signed.
        port: Of the proxies, where Ray Serve does not run yet.
        has_room: Whether something would fit beside everything that runs.
        archives: Where the agent keeps the archives of releases, by their SHA-256.
    """

    home: Path
    key: str
    port: int
    has_room: Callable[[CapacityRequest], bool]
    archives: Path


class RayServeEngine:
    """Serves applications on a cluster.

    Args:
        cluster: The cluster.
        host: What else it needs.

    Attributes:
        on_change: Called, from the engine's thread, after a state has changed.
    """

    def __init__(self, cluster: RayCluster, host: ServeHost) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._cluster, self._host = cluster, host
        self._owner = hashlib.sha256(str(host.home).encode()).hexdigest()[:10]
        self._releases = host.home / "releases"
        self._applications: dict[str, RayApplication] = {}
        self._port = host.port
        # The first is held while the cluster is told something; the second only for a moment, never for a call.
        self._declaring, self._lock = threading.Lock(), threading.Lock()
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="serving", daemon=True)
        self._defects = DefectLog("ray_serve_defect")
        self._declared_at = 0.0

    def start(self) -> None:
        """Take up what an earlier agent served, and watch."""
        self._applications = load_applications(self._host.home)
        self._thread.start()

    def stop(self) -> None:
        """End what this agent serves; a restarted one serves it again."""
        self._stop.set()
        self._wake.set()
        self._thread.join()
        with self._declaring:
            try:
                if any(deployment for deployment in self._wanted().values()):
                    self._put({})
            except OSError as exc:
                log_event("ray_serve_left", error=type(exc).__name__)

    def deploy(self, spec: ServeDeploy) -> ServeState:
        """Serve a class under a name, or replace what runs there. The same again changes nothing while that works.

        Raises:
            ConfigurationError: The release is not on this host.
            ConflictError: Another agent serves this name on the same cluster.
            ServerError: The cluster is away, or refused.
        """
        with self._declaring:
            spec = spec.model_copy(update={"folder": str(self._keep(spec)), "python": None})
            with self._lock:
                known = self._applications.get(spec.name)
                if known is not None and known.wanted.spec == spec and known.status in _SETTLED:
                    return self._state(known)
            try:
                self._require_own(spec.name)
                application = self._replace(spec, known)
            except OSError as exc:
                raise ServerError(503, f"{spec.name} cannot be deployed: {exc.strerror or exc}.") from exc
            self._wake.set()
            return self._state(application)

    def delete(self, name: str) -> ServeState | None:
        """Let an application end; None where there is none."""
        with self._lock:
            application = self._applications.get(name)
            if application is None:
                return None
            application.is_deleting = True
            application.note(ServeStatus.DELETING, "", application.replicas)
            application.save(self._host.home)
            self._declared_at = 0.0
            self._wake.set()
            return self._state(application)

    def states(self) -> list[ServeState]:
        """All applications."""
        with self._lock:
            return [self._state(application) for application in self._applications.values()]

    def held(self) -> list[Reserved]:
        """What every application was promised."""
        with self._lock:
            return [_held(application) for application in self._applications.values()]

    def logs(self, name: str) -> bytes:
        """What the replicas of an application have printed lately."""
        with self._lock:
            application = self._applications.get(name)
            runtime_env = application.wanted.config.get("runtime_env") if application else None
        package = runtime_env.get("working_dir") if isinstance(runtime_env, dict) else None
        try:
            return read_logs(self._cluster, name, str(package or "")).encode()
        except OSError as exc:
            return f"{exc.strerror or exc}\n".encode()

    def _keep(self, spec: ServeDeploy) -> Path:
        """The engine's own copy of a release; the run that deploys it may be on another machine than this."""
        archive = self._host.archives / f"{spec.checksum}.zip"
        if Path(spec.folder).is_dir() or not spec.checksum or not archive.exists():
            return keep_release(Path(spec.folder), self._releases)
        with tempfile.TemporaryDirectory(prefix="release-", dir=self._host.home) as folder:
            unpacked = Path(folder) / "release"
            unpack_archive(archive, unpacked)
            return keep_release(unpacked, self._releases)

    def _replace(self, spec: ServeDeploy, known: RayApplication | None) -> RayApplication:
        revision = 1 if known is None else known.wanted.revision + 1
        former = None if known is None else known.wanted if known.was_ready else known.former
        application = RayApplication(wanted=Deployment(spec=spec, revision=revision), former=former)
        # Before the cluster knows: an agent that is killed in between declares it at its next start.
        self._keep_record(spec.name, application)
        try:
            self._declare()
        except OSError:
            self._keep_record(spec.name, known)
            raise
        return application

    def _keep_record(self, name: str, application: RayApplication | None) -> None:
        with self._lock:
            former = self._applications.pop(name, None)
            if application is not None:
                self._applications[name] = application
                application.save(self._host.home)
            elif former is not None:
                former.forget(self._host.home)

    def _require_own(self, name: str) -> None:
        found = (self._cluster.serve_details().get("applications") or {}).get(name)
        if found is not None and found["status"] != ServeStatus.DELETING and owner_of(found) != self._owner:
            raise ConflictError(409, f"{name} is served on this Ray cluster by another agent; delete it there first.")

    def _declare(self) -> None:
        """Make the cluster serve what is wanted."""
        wanted = {name: deployment for name, deployment in self._wanted().items() if deployment is not None}
        for deployment in wanted.values():
            package = self._cluster.keep_package(pack_release(deployment, self._host.key))
            deployment.config = self._configure(deployment, package)
        self._put({name: deployment.config for name, deployment in wanted.items()})

    def _wanted(self) -> dict[str, Deployment | None]:
        with self._lock:
            return {name: one.current for name, one in self._applications.items()}

    def _configure(self, deployment: Deployment, package: str) -> dict[str, Any]:
        if deployment.config and deployment.config["runtime_env"]["working_dir"] == package:  # type: ignore[index,call-overload]
            return dict(deployment.config)
        spec = deployment.spec
        room = CapacityRequest(
            num_cpus=spec.resources.num_cpus,
            num_gpus=spec.resources.num_gpus,
            memory=spec.resources.memory,
            num_replicas=spec.options.num_replicas,
        )
        surges = deployment.revision == 1 or self._host.has_room(room)
        return declare(deployment, package, self._owner, surges=surges)

    def _put(self, configs: Mapping[str, Mapping[str, Any]]) -> None:
        details = self._cluster.serve_details()
        others = declared_by_others(details, self._owner, self._wanted())
        host = "127.0.0.1" if self._cluster.host in _LOOPBACK else "0.0.0.0"  # noqa: S104 - as the dashboard itself.
        options = details.get("http_options")
        if not options:
            options = {"host": host, "port": self._host.port}
            if host == "127.0.0.1":
                _require_free(host, self._host.port)
        body = {"http_options": {"host": options["host"], "port": options["port"]}}
        self._cluster.put_applications({**body, "applications": [*others, *configs.values()]})
        self._declared_at = time.monotonic()

    def _watch(self) -> None:
        is_first = True
        while not self._stop.is_set():
            try:
                # Once also without any application: an earlier agent may have left one.
                if (is_first or self._applications) and self._look():
                    self.on_change()
                is_first = False
                self._defects.clear()
            except Exception as exc:  # noqa: BLE001 - the agent's loop: neither a full disk nor an odd answer ends it.
                self._defects.note(exc)
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()

    def _look(self) -> bool:
        """Take in how everything is, and mend what is not as it should be; whether there is news."""
        try:
            details = self._cluster.serve_details()
        except OSError:
            with self._lock:
                news = [one.note(ServeStatus.UNAVAILABLE, AWAY, 0) for one in self._applications.values()]
            return any(news)
        served, now = details.get("applications") or {}, datetime.now(UTC)
        with self._lock:
            self._port = int((details.get("http_options") or {}).get("port") or self._host.port)
            views = {name: view_application(one, served.get(name), now) for name, one in self._applications.items()}
            news = [self._take(name, view) for name, view in views.items()]
        # Someone who deploys at this moment declares everything anyway.
        if self._declaring.acquire(blocking=False):
            try:
                self._settle(views, served)
            finally:
                self._declaring.release()
        return any(news)

    def _take(self, name: str, view: View) -> bool:
        application = self._applications[name]
        if view.is_gone:
            del self._applications[name]
            application.forget(self._host.home)
            self._forget_releases()
            return True
        if view.status is ServeStatus.RUNNING and not application.was_ready:
            application.was_ready, application.former = True, None
        if view.is_hopeless:
            application.failure = view.message
        has_news = application.note(view.status, view.message, view.replicas)
        if has_news:
            application.save(self._host.home)
        return has_news

    def _forget_releases(self) -> None:
        # What somebody deploys at this moment is kept already, and not in use yet: leave it to the next time.
        if self._declaring.acquire(blocking=False):
            try:
                forget_releases(self._releases, self._used_releases())
            finally:
                self._declaring.release()

    def _settle(self, views: Mapping[str, View], served: Mapping[str, Any]) -> None:
        """Declare again what the cluster has lost, or still has though it should not."""
        wanted = self._wanted()
        lost = [name for name, view in views.items() if (view.is_missing or view.is_hopeless) and name in wanted]
        extra = [
            name for name, one in served.items() if owner_of(one) == self._owner and _is_extra(one, wanted.get(name))
        ]
        is_due = any(views[name].is_hopeless for name in lost) or time.monotonic() - self._declared_at > SETTLE_SECONDS
        if not (lost or extra) or not is_due:
            return
        self._declared_at = time.monotonic()
        with self._lock:
            for name in lost:
                self._applications[name].declared = datetime.now(UTC)
        try:
            self._declare()
        except OSError as exc:
            log_event("ray_serve_refused", error=str(exc.strerror or exc))

    def _used_releases(self) -> set[Path]:
        parts = [part for one in self._applications.values() for part in (one.wanted, one.former)]
        return {Path(part.spec.folder) for part in parts if part is not None}

    def _state(self, application: RayApplication) -> ServeState:
        spec = application.wanted.spec
        return ServeState(
            name=spec.name,
            status=application.status,
            message=application.message[:MAX_MESSAGE_CHARACTERS],
            route_prefix=spec.route_prefix,
            endpoint=f"http://{self._cluster.host}:{self._port}{spec.route_prefix}",
            plugin_release=spec.plugin_release,
            action=spec.action,
            checksum=spec.checksum,
            num_replicas=spec.options.num_replicas,
            replicas=application.replicas,
            resources=spec.resources,
            revision=application.wanted.revision,
            changed=application.changed,
        )


def _is_extra(details: Mapping[str, Any], wanted: Deployment | None) -> bool:
    return wanted is None and details.get("status") != ServeStatus.DELETING


def _require_free(host: str, port: int) -> None:
    """Ray Serve's proxies would share a taken port with who has it: each answers a part of the requests."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise RayRefusedError(
                exc.errno,
                f"port {port} is taken on this machine; name another one for Ray Serve: SYNAPSE_AGENT_RAY_SERVE_PORT",
            ) from exc


def _held(application: RayApplication) -> Reserved:
    current = application.current
    if current is None:
        return Reserved(name=application.name)
    needs, count = current.spec.resources, current.spec.options.num_replicas
    # On which GPUs they are, only the cluster knows.
    gpus = {"": needs.num_gpus * count} if needs.num_gpus else {}
    return Reserved(
        num_cpus=needs.num_cpus * count, memory=(needs.memory or 0) * count, gpus=gpus, name=application.name
    )
