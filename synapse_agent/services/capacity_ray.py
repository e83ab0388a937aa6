"""Would it fit on the Ray cluster? Answered from what its nodes say is used, and what this agent has promised since.

Ray counts every few seconds. What an agent promised a moment ago may not be in it yet, so the larger of both counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from synapse_agent.engines.ray.cluster import READ_SECONDS, RayCluster
from synapse_agent.engines.serving.protocol import Reserved
from synapse_sdk.exceptions import ServerError
from synapse_sdk.wire.serve import CapacityAnswer, CapacityReason, CapacityRequest

# Ours, and Ray's.
NAMES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
HEARTBEAT_SECONDS = 2.0
_DUST = 1e-6

Usage = Mapping[str, Mapping[str, tuple[float, float]]]
Free = dict[str, float]


class RayCapacity:
    """Asks the cluster.

    Args:
        cluster: The cluster.
    """

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._sources: list[Callable[[], Iterable[Reserved]]] = []

    def add_source(self, source: Callable[[], Iterable[Reserved]]) -> None:
        """Count in what someone promises."""
        self._sources.append(source)

    def check(self, request: CapacityRequest) -> CapacityAnswer:
        """Whether the request fits now; each resource that falls short is named with what is available.

        Raises:
            ServerError: The cluster does not answer.
        """
        held = [entry for source in self._sources for entry in source()]
        reasons = find_shortages(request, self._usage(), held)
        return CapacityAnswer(allowed=not reasons, reasons=reasons)

    def measure(self) -> dict[str, Any]:
        """What the cluster has and has left, as an agent tells its server with every heartbeat.

        Raises:
            ServerError: The cluster does not answer at once: a heartbeat cannot wait for it.
        """
        usage = self._usage(HEARTBEAT_SECONDS)
        total = {name: sum(_total(node, name) for node in usage.values()) for name in NAMES}
        free = {name: total[name] - sum(_used(node, name) for node in usage.values()) for name in NAMES}
        return {
            "num_cpus": total["num_cpus"],
            "free_cpus": free["num_cpus"],
            "memory_bytes": int(total["memory"]),
            "free_memory_bytes": int(free["memory"]),
            "num_gpus": total["num_gpus"],
            "free_gpus": free["num_gpus"],
            "nodes": len(usage),
        }

    def nodes(self) -> list[dict[str, Any]]:
        """Each node, with what it has and has left.

        Raises:
            ServerError: The cluster does not answer.
        """
        return [
            {
                "id": node,
                "state": "ALIVE",
                "capacity": {
                    **{name: _total(usage, name) for name in NAMES},
                    **{f"free_{name.removeprefix('num_')}": _total(usage, name) - _used(usage, name) for name in NAMES},
                },
            }
            for node, usage in self._usage().items()
        ]

    def _usage(self, timeout_seconds: float = READ_SECONDS) -> Usage:
        try:
            return self._cluster.usage_by_node(timeout_seconds)
        except OSError as exc:
            raise ServerError(503, str(exc.strerror or exc)) from exc


def find_shortages(request: CapacityRequest, usage: Usage, held: Iterable[Reserved]) -> list[CapacityReason]:
    """What falls short for a request; empty when each replica finds a node.

    Args:
        request: What is asked for.
        usage: What each node has: `{node: {resource: (used, total)}}`.
        held: What this agent's applications were promised.
    """
    wanted = {"num_cpus": request.num_cpus, "num_gpus": request.num_gpus, "memory": float(request.memory or 0)}
    wanted = {name: amount for name, amount in wanted.items() if amount}
    nodes = _free_nodes(usage, list(held), replaced=request.name)
    available = {name: sum(node[name] for node in nodes) for name in wanted}
    largest = {name: max((node[name] for node in nodes), default=0.0) for name in wanted}
    if all(_place(wanted, nodes) for _ in range(request.num_replicas)):
        return []
    count = request.num_replicas
    short = [name for name in wanted if wanted[name] * count > available[name] + _DUST]
    if short:
        return [_short(name, wanted[name] * count, available[name]) for name in short]
    # There is enough in all, in parts that are too small: the largest part says so best.
    split = [name for name in wanted if wanted[name] > largest[name] + _DUST] or list(wanted)
    return [_short(name, wanted[name], largest[name]) for name in split]


def _free_nodes(usage: Usage, held: list[Reserved], *, replaced: str | None) -> list[Free]:
    nodes = [{name: max(0.0, _total(node, name) - _used(node, name)) for name in NAMES} for node in usage.values()]
    used = [{name: _used(node, name) for name in NAMES} for node in usage.values()]
    for name in NAMES:
        promised = sum(_promise(entry, name) for entry in held)
        given_back = sum(_promise(entry, name) for entry in held if entry.name == replaced and replaced)
        in_use = sum(node[name] for node in used)
        _take(nodes, name, max(0.0, promised - in_use))
        _give(nodes, used, name, given_back)
    return nodes


def _take(nodes: list[Free], name: str, amount: float) -> None:
    for node in nodes:
        taken = min(node[name], amount)
        node[name] -= taken
        amount -= taken


def _give(nodes: list[Free], used: list[Free], name: str, amount: float) -> None:
    for node, busy in zip(nodes, used, strict=True):
        given = min(busy[name], amount)
        node[name] += given
        amount -= given


def _place(wanted: Mapping[str, float], nodes: list[Free]) -> bool:
    for node in nodes:
        if all(amount <= node[name] + _DUST for name, amount in wanted.items()):
            for name, amount in wanted.items():
                node[name] -= amount
            return True
    return False


def _promise(entry: Reserved, name: str) -> float:
    amounts = {"num_cpus": entry.num_cpus, "memory": float(entry.memory), "num_gpus": sum(entry.gpus.values())}
    return amounts[name]


def _used(node: Mapping[str, tuple[float, float]], name: str) -> float:
    return node.get(NAMES[name], (0.0, 0.0))[0]


def _total(node: Mapping[str, tuple[float, float]], name: str) -> float:
    return node.get(NAMES[name], (0.0, 0.0))[1]


def _short(resource: str, wanted: float, free: float) -> CapacityReason:
    return CapacityReason(resource=resource, requested=round(wanted, 3), available=round(free, 3))
