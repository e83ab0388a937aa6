"""Serving as part of an agent: its engine, the gate before it, and what the server is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synapse_agent.engines.ray.cluster import RayCluster
from synapse_agent.engines.ray.serve.engine import RayServeEngine, ServeHost
from synapse_agent.engines.serving.engine import EmbeddedEngine
from synapse_agent.engines.serving.host import Host
from synapse_agent.engines.serving.records import load_key
from synapse_agent.services.capacity_check import Capacity
from synapse_agent.services.capacity_machine import measure_machine
from synapse_agent.services.capacity_ray import RayCapacity
from synapse_agent.services.serving import Serving
from synapse_agent.services.serving_reports import ServeReporter
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.utils.auth import read_env


@dataclass(frozen=True)
class ServingParts:
    """What serves models on this host."""

    serving: Serving
    reporter: ServeReporter

    def start(self) -> None:
        """Serve again what was served before, and tell the server."""
        self.serving.engine.start()
        self.reporter.start()

    def stop(self) -> None:
        """End the replicas; the next start serves them again."""
        self.serving.engine.stop()
        self.reporter.stop()


@dataclass(frozen=True)
class OnRay:
    """The cluster that serves in this host's place.

    Attributes:
        port: Of its proxies, where they do not run yet.
        archives: Where the agent keeps the archives of releases.
    """

    cluster: RayCluster
    port: int
    archives: Path


def open_serving(
    home: Path, client: BackendClient, *, report_seconds: float, on_ray: OnRay | None = None
) -> ServingParts:
    """Serving below an agent's home; nothing runs yet.

    Args:
        home: The agent's.
        client: Of the server, with the agent's key.
        report_seconds: Between two reports where nothing changes.
        on_ray: The cluster that serves; None for processes of this host.
    """
    folder = home / "serving"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = load_key(folder / "key")
    serving = serve_here(folder, key) if on_ray is None else serve_on_ray(folder, key, on_ray)
    engine = serving.engine
    reporter = ServeReporter(serving, client, seconds=report_seconds)
    engine.on_change = reporter.note_change
    return ServingParts(serving, reporter)


def serve_here(folder: Path, key: str) -> Serving:
    """Replicas are processes of this host."""
    capacity = Capacity(measure_machine())
    return Serving(EmbeddedEngine(Host(folder, read_env(), key, devices=capacity.machine.gpus)), capacity, key)


def serve_on_ray(folder: Path, key: str, on_ray: OnRay) -> Serving:
    """Replicas are Ray Serve's."""
    capacity = RayCapacity(on_ray.cluster)
    host = ServeHost(folder, key, on_ray.port, lambda request: capacity.check(request).allowed, on_ray.archives)
    return Serving(RayServeEngine(on_ray.cluster, host), capacity, key)
