"""What every serving engine can do, and what it says that it holds of the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from synapse_sdk.wire.serve import ServeDeploy, ServeState


@dataclass(frozen=True)
class Reserved:
    """What one owner was promised: cores, memory in bytes, shares of GPUs by id.

    Attributes:
        name: The application that holds it; None for a run.
        used_memory: How much of the memory is in use already, and so not free any more.
    """

    num_cpus: float = 0.0
    memory: int = 0
    gpus: Mapping[str, float] = field(default_factory=dict)
    name: str | None = None
    used_memory: int = 0


class ServeEngine(Protocol):
    """What serves: processes of this host, or a Ray cluster.

    Attributes:
        on_change: Called, from the engine's thread, after a state has changed.
    """

    on_change: Callable[[], None]

    def start(self) -> None:
        """Take up what an earlier agent served."""

    def stop(self) -> None:
        """End what this agent serves; a restarted one serves it again."""

    def deploy(self, spec: ServeDeploy) -> ServeState:
        """Serve a class, or replace what runs under its name."""

    def delete(self, name: str) -> ServeState | None:
        """Let an application end; None where there is none."""

    def states(self) -> list[ServeState]:
        """All applications."""

    def logs(self, name: str) -> bytes:
        """What an application has printed lately."""

    def held(self) -> list[Reserved]:
        """What its applications were promised."""
