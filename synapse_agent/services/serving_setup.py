"""Serving as part of an agent: its engine, the gate before it, and what the server is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synapse_agent.engines.serving.engine import EmbeddedEngine
from synapse_agent.engines.serving.host import Host
from synapse_agent.engines.serving.records import load_key
from synapse_agent.services.capacity_check import Capacity
from synapse_agent.services.capacity_machine import measure_machine
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


def open_serving(home: Path, client: BackendClient, *, report_seconds: float) -> ServingParts:
    """Embedded serving below an agent's home; nothing runs yet.

    Args:
        home: The agent's.
        client: Of the server, with the agent's key.
        report_seconds: Between two reports where nothing changes.
    """
    folder = home / "serving"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    capacity, key = Capacity(measure_machine()), load_key(folder / "key")
    engine = EmbeddedEngine(Host(folder, read_env(), key, devices=capacity.machine.gpus))
    serving = Serving(engine, capacity, key)
    reporter = ServeReporter(serving, client, seconds=report_seconds)
    engine.on_change = reporter.note_change
    return ServingParts(serving, reporter)
