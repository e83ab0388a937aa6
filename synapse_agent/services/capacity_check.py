"""Would it fit? Answered from what the host has, what is promised to runs and replicas, and what is really free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from synapse_agent.engines.serving.host import choose_devices
from synapse_agent.engines.serving.protocol import Reserved
from synapse_agent.services.capacity_machine import Machine, free_memory
from synapse_sdk.wire.serve import CapacityAnswer, CapacityReason, CapacityRequest

_DUST = 1e-9

Source = Callable[[], Iterable[Reserved]]


class Capacity:
    """Knows the machine, and asks everyone who promises parts of it.

    Args:
        machine: What there is.
        sources: Each answers what it has promised.
        measure_free: Bytes of memory that are free now.
    """

    def __init__(self, machine: Machine, *sources: Source, measure_free: Callable[[], int] = free_memory) -> None:
        self.machine = machine
        self._sources = list(sources)
        self._measure_free = measure_free

    def add_source(self, source: Source) -> None:
        """Count in what someone else promises."""
        self._sources.append(source)

    def check(self, request: CapacityRequest) -> CapacityAnswer:
        """Whether the request fits now; each resource that falls short is named with what is available."""
        held = [entry for source in self._sources for entry in source()]
        others = [entry for entry in held if entry.name is None or entry.name != request.name]
        reasons = [
            *self._check_cpus(request, others),
            *self._check_gpus(request, others),
            *self._check_memory(request, others),
        ]
        return CapacityAnswer(allowed=not reasons, reasons=reasons)

    def _check_cpus(self, request: CapacityRequest, others: list[Reserved]) -> list[CapacityReason]:
        wanted = request.num_cpus * request.num_replicas
        free = self.machine.num_cpus - sum(entry.num_cpus for entry in others)
        return _reason("num_cpus", wanted, free)

    def _check_gpus(self, request: CapacityRequest, others: list[Reserved]) -> list[CapacityReason]:
        used: dict[str, float] = {}
        for entry in others:
            _add(used, entry.gpus)
        free = sum(max(0.0, 1.0 - used.get(device, 0.0)) for device in self.machine.gpus)
        for _ in range(request.num_replicas):
            devices = choose_devices(request.num_gpus, self.machine.gpus, used)
            if devices is None:
                # Shares may be free that do not add up to a whole one.
                return [_short("num_gpus", request.num_gpus * request.num_replicas, free)]
            _add(used, devices)
        return []

    def _check_memory(self, request: CapacityRequest, others: list[Reserved]) -> list[CapacityReason]:
        if not request.memory:
            return []
        promised = sum(entry.memory for entry in others)
        unused = sum(max(0, entry.memory - entry.used_memory) for entry in others)
        free = min(self.machine.memory - promised, self._measure_free() - unused)
        return _reason("memory", request.memory * request.num_replicas, free)


def _reason(resource: str, wanted: float, free: float) -> list[CapacityReason]:
    return [_short(resource, wanted, free)] if wanted > free + _DUST else []


def _short(resource: str, wanted: float, free: float) -> CapacityReason:
    return CapacityReason(resource=resource, requested=round(wanted, 3), available=round(max(0.0, free), 3))


def _add(used: dict[str, float], shares: Mapping[str, float]) -> None:
    for device, share in shares.items():
        used[device] = used.get(device, 0.0) + share
