"""A host that serves models, with every engine that can."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from synapse_agent.engines.ray.cluster import RayAwayError
from synapse_agent.engines.ray.cluster import RayCluster as AgentsRayCluster
from synapse_agent.engines.serving import process as processes
from synapse_agent.engines.serving.engine import EmbeddedEngine
from synapse_agent.engines.serving.host import Host
from synapse_agent.services.capacity_check import Capacity
from synapse_agent.services.capacity_machine import Machine
from synapse_agent.services.serving import Serving
from synapse_agent.services.serving_setup import OnRay, serve_on_ray
from synapse_sdk.wire.serve import ServeDeploy, ServeOptions, ServeResources, ServeState
from tests.engines.ports import free_ports

RELEASE = Path(__file__).parent / "release"
KEY = "the-key-of-these-tests"
# Replicas on a cluster take their time where the machine is busy.
SECONDS = 120.0
QUICK = {"health_check_period_s": 0.2, "graceful_shutdown_timeout_s": 5.0}


def spec_of(model: str, name: str = "models@1.0.0", *, resources: dict | None = None, **options) -> ServeDeploy:
    return ServeDeploy(
        name=name,
        route_prefix=f"/{name.replace('@', '-')}",
        entrypoint=model if ":" in model else f"plugin.models:{model}",
        folder=str(RELEASE),
        resources=ServeResources(**{"num_cpus": 0.1, **(resources or {})}),
        options=ServeOptions(**{**QUICK, **options}),
    )


def wait_for(ask: Callable[[], Any], seconds: float = SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return answer


def is_quick(ask: Callable[[], Any]) -> bool:
    """Whether it takes less than a second: one of several times, for this machine has other things to do."""
    for _ in range(20):
        began = time.monotonic()
        ask()
        if time.monotonic() - began < 1:
            return True
    return False


@dataclass
class Served:
    """One host with an engine, and what tests do with it."""

    serving: Serving
    seen: list[str] = field(default_factory=list)

    def deploy(self, model: str, name: str = "models@1.0.0", **more) -> ServeState:
        state = self.serving.deploy(spec_of(model, name, **more))
        self.seen.append(state.status)
        return state

    def wait(self, status: str, name: str = "models@1.0.0", *, replicas: int | None = None) -> ServeState:
        def reached():
            state = self.serving.state(name)
            self.seen.append(state.status)
            return state if state.status == status and replicas in (None, state.replicas) else None

        try:
            return wait_for(reached)
        except AssertionError:
            print(self.serving.state(name), self.serving.engine.logs(name).decode()[-4000:])
            raise

    def run(self, model: str, name: str = "models@1.0.0", **more) -> ServeState:
        self.deploy(model, name, **more)
        return self.wait("RUNNING", name)

    def ask(self, state: ServeState, headers: dict | None = None, **inputs) -> httpx2.Response:
        return httpx2.post(f"{state.endpoint}/", json=inputs, headers=headers, trust_env=False, timeout=60)

    def is_gone(self, name: str = "models@1.0.0") -> bool:
        return all(state.name != name for state in self.serving.engine.states())


def make_serving(
    home: Path, devices: tuple[str, ...] = (), orphan_seconds: float = 20.0, cpus: float = 64.0
) -> Serving:
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "SYNAPSE_AGENT_TOKEN": "syn_agents-own-token"}
    engine = EmbeddedEngine(Host(home, environment, KEY, devices=devices, orphan_seconds=orphan_seconds))
    return Serving(engine, Capacity(Machine(cpus, 64 * 2**30, devices), measure_free=lambda: 64 * 2**30), KEY)


def leftovers(serving: Serving) -> dict[int, str]:
    return processes.marked(serving.engine._id)


@pytest.fixture
def open_host(tmp_path) -> Iterator[Callable[..., Served]]:
    opened: list[Served] = []

    def build(**options) -> Served:
        served = Served(make_serving(tmp_path / "serving", **options))
        served.serving.engine.start()
        opened.append(served)
        return served

    yield build
    for served in opened:
        served.serving.engine.stop()
        assert not leftovers(served.serving)


@pytest.fixture
def open_ray(tmp_path, ray_cluster) -> Iterator[Callable[[], Served]]:
    """Hosts that serve on the session's cluster; what they served is gone afterwards."""
    opened: list[Served] = []
    cluster = AgentsRayCluster(ray_cluster.dashboard)

    def build() -> Served:
        folder = tmp_path / "serving"
        folder.mkdir(exist_ok=True)
        served = Served(serve_on_ray(folder, KEY, OnRay(cluster, free_port(), tmp_path / "archives")))
        served.serving.engine.start()
        opened.append(served)
        return served

    yield build
    for served in opened:
        served.serving.engine.stop()
        wait_for(lambda: is_serving_nothing(cluster))
    cluster.close()


def is_serving_nothing(cluster: AgentsRayCluster) -> bool:
    with contextlib.suppress(RayAwayError):
        return not cluster.serve_details().get("applications")
    return False


def free_port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def host(open_host) -> Served:
    return open_host()
