"""What the replicas of an application have printed: those that live, and those that a deployment has lost already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from synapse_agent.engines.ray.cluster import RayCluster
from synapse_agent.engines.ray.serve.declaration import DEPLOYMENT

LOG_LINES = 2000
# A deployment that fails has tried this often.
MAX_ENDED = 3
# Ray begins the output of each process by saying for whom it works; before Ray 2.50 after a figure of its own.
_RAYS_OWN = (":job_id:", ":actor_name:", "1:job_id:", "1:actor_name:")


def read_logs(cluster: RayCluster, name: str, package: str) -> str:
    """The end of what each replica printed, its output before its errors.

    Args:
        cluster: Where it is served.
        name: The application.
        package: Address of the package of the revision that is wanted.

    Raises:
        OSError: The cluster is away, or refused.
    """
    ids = replicas_to_read(cluster.actors(f"ServeReplica:{name}:{DEPLOYMENT}"), package)
    texts = (cluster.actor_log(each, suffix, LOG_LINES) for each in ids for suffix in ("out", "err"))
    return "".join(line for text in texts for line in text.splitlines(keepends=True) if not line.startswith(_RAYS_OWN))


def replicas_to_read(actors: Iterable[Mapping[str, Any]], package: str) -> list[str]:
    """Ids of the replicas that live, after some that have ended: of the wanted revision only.

    Args:
        actors: All replicas of the application that the cluster remembers.
        package: Address of the wanted revision's package.
    """
    living, ended = [], []
    for actor in actors:
        if actor.get("state") != "DEAD":
            living.append(str(actor["actor_id"]))
        elif package and package in str(actor.get("serialized_runtime_env")):
            ended.append(str(actor["actor_id"]))
    return ended[-MAX_ENDED:] + living
