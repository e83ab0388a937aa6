"""One agent: everything that runs in its process, made from its settings."""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from synapse_agent.core.settings import Settings
from synapse_agent.engines.local.engine import LocalEngine
from synapse_agent.engines.protocol import Engine
from synapse_agent.engines.ray.cluster import RayCluster
from synapse_agent.engines.ray.jobs import RayJobsEngine
from synapse_agent.services.capacity import measure_capacity
from synapse_agent.services.capacity_ray import RayCapacity
from synapse_agent.services.containers.playground import Playground
from synapse_agent.services.containers.setup import open_host_playground
from synapse_agent.services.enrolment import Enrolment, Heartbeat
from synapse_agent.services.releases import ReleaseCache
from synapse_agent.services.runs.dispatcher import Dispatcher
from synapse_agent.services.runs.follower import Workshop
from synapse_agent.services.runs.history import RunHistory
from synapse_agent.services.runs.store import RunStore
from synapse_agent.services.server_link import ServerLink
from synapse_agent.services.serving_setup import OnRay, ServingParts, open_serving
from synapse_sdk.exceptions import ConfigurationError, ServerError
from synapse_sdk.plugins.executors.environment import forget_half_built
from synapse_sdk.utils.file.private import write_private
from synapse_sdk.wire.agents import hash_agent_key, server_key

API_URL_FILE = "api.url"
API_TOKEN_FILE = "api.token"  # noqa: S105 - a file's name.


@dataclass(frozen=True)
class AgentParts:
    """What the agent's API and its start and stop need."""

    settings: Settings
    agent_id: int
    api_token: str
    server_key: str
    heartbeat: Heartbeat
    dispatcher: Dispatcher
    history: RunHistory
    releases: ReleaseCache
    serving: ServingParts
    playground: Playground
    cluster: RayCluster | None = None

    def start(self) -> None:
        self.heartbeat.start()
        self.serving.start()
        self.dispatcher.start()
        self.playground.start()

    def stop(self) -> None:
        self.playground.stop()
        self.dispatcher.stop()
        self.serving.stop()
        self.heartbeat.stop()

    def nodes(self) -> list[dict[str, Any]]:
        """Where runs run: the nodes of the cluster, or this host as the only one."""
        if self.cluster is not None:
            return RayCapacity(self.cluster).nodes()
        return [{"id": self.settings.name, "state": "ALIVE", "capacity": measure_capacity()}]


def open_agent(settings: Settings, enrolment: Enrolment, own_url: str) -> AgentParts:
    """Make the parts of an agent; nothing runs yet."""
    home = settings.home.expanduser().resolve()
    store, cluster = RunStore(home / "runs"), open_cluster(settings)
    engine: Engine = LocalEngine()
    if cluster is not None:
        engine = RayJobsEngine(cluster, lost_seconds=settings.ray_lost_seconds)
    on_ray = None if cluster is None else OnRay(cluster, settings.ray_serve_port, home / "releases")
    forget_half_built(home / "envs")
    # Commands on this host find the agent by it, whatever its port.
    write_private(home / API_URL_FILE, own_url.encode())
    link = ServerLink(settings.server_url, enrolment.key)
    shop = Workshop(
        settings=settings,
        store=store,
        engine=engine,
        link=link,
        releases=ReleaseCache(home / "releases", link.client),
        envs=home / "envs",
        agent_url=own_url,
        is_elsewhere=cluster is not None,
    )
    return AgentParts(
        settings=settings,
        agent_id=enrolment.agent_id,
        api_token=settings.api_token or load_api_token(home / API_TOKEN_FILE),
        server_key=server_key(hash_agent_key(enrolment.key)),
        heartbeat=Heartbeat(settings, enrolment, own_url, measure=HostCapacity(cluster).measure),
        dispatcher=Dispatcher(shop),
        history=RunHistory(store, engine),
        releases=shop.releases,
        serving=open_serving(home, link.client, report_seconds=settings.heartbeat_seconds, on_ray=on_ray),
        playground=open_host_playground(home, own_url, releases=shop.releases, link=link),
        cluster=cluster,
    )


def open_cluster(settings: Settings) -> RayCluster | None:
    """The Ray cluster that runs and serves in this host's place; None where there is none."""
    return None if settings.ray_address is None else RayCluster(settings.ray_address, settings.ray_token)


class HostCapacity:
    """What this host has; where a cluster runs and serves in its place, what the cluster has.

    Args:
        cluster: The cluster; None where there is none.
    """

    def __init__(self, cluster: RayCluster | None) -> None:
        self._ray = None if cluster is None else RayCapacity(cluster)
        # Until the cluster has answered once, nothing that is asked for would fit.
        self._last: dict[str, Any] = {"num_cpus": 0, "num_gpus": 0, "free_gpus": 0}

    def measure(self) -> dict[str, Any]:
        """As an agent tells its server."""
        here = measure_capacity()
        if self._ray is None:
            return here
        with suppress(ServerError):
            self._last = self._ray.measure() | {"ray": True}
        return here | self._last


def load_api_token(path: Path) -> str:
    """The token of the agent's API; made at its first start, readable for the owner only."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        token = f"syn_{secrets.token_urlsafe(32)}"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(token + "\n")
        return token


def lock_home(home: Path) -> IO[str]:
    """Hold a home for one agent: two would run the same jobs twice.

    Raises:
        ConfigurationError: Another agent holds it.
    """
    home = home.expanduser()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (home / "agent.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        file.close()
        raise ConfigurationError(f"Another agent runs in {home}: stop it, or give this one its own --home.") from exc
    return file
