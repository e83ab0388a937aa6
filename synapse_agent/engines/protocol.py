"""What every engine can do with a run, and the records that pass between it and the services.

A run is a folder. Whoever knows the folder can find the run again: nothing about it lives in the agent's memory only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec


@dataclass(frozen=True)
class Command:
    """One process of a run.

    Attributes:
        env: All of its variables.
        time_seconds: How long it may take; None for as long as it likes.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    time_seconds: float | None = None


@dataclass(frozen=True)
class RunPlan:
    """A run: commands one after the other, each only when the one before ended with exit status 0.

    Attributes:
        folder: The run's own, for its owner only.
        mark: Environment entry (`NAME=value`) that all processes of the run and of no other have.
        memory_bytes: What all its processes together may hold; None for no limit.
        output_bytes: How much of what it prints is kept.
        stop_seconds: How long it may take to end after it was asked to, before it is killed.
        secrets: Texts that are taken out of what it prints.
        resources: `num_cpus`, `num_gpus` and `memory` that it asks for, where an engine shares them out.
    """

    folder: Path
    mark: str
    commands: tuple[Command, ...]
    memory_bytes: int | None
    output_bytes: int
    stop_seconds: float
    secrets: tuple[str, ...] = field(default=(), repr=False)
    resources: Mapping[str, float] = field(default_factory=dict)


def encode_order(plan: RunPlan) -> bytes:
    """The plan as JSON: what the programs that start its commands are told."""
    return msgspec.json.encode(plan, enc_hook=str)


class EndReason(StrEnum):
    """Why a run's processes are gone."""

    ENDED = "ended"
    STOPPED = "stopped"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    NOT_STARTED = "not_started"
    VANISHED = "vanished"


@dataclass(frozen=True)
class RunExit:
    """How a run's processes ended.

    Attributes:
        step: Number of the command that was the last, from 0.
        exit_code: Its exit status; None when a signal ended it.
        signal: The signal that ended it.
        message: Why it could not be started.
    """

    reason: EndReason
    step: int = 0
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""


@dataclass(frozen=True)
class ConsoleChunk:
    """Part of what a run printed.

    Attributes:
        position: Bytes that were printed before this part.
        data: The part; empty when there is nothing new.
    """

    position: int
    data: bytes


class Engine(Protocol):
    """Runs commands so that they outlive the agent: `engines.local` on this machine, `engines.ray` on a cluster."""

    def start(self, plan: RunPlan) -> None:
        """Start a run; nothing happens when it was started before.

        Raises:
            OSError: It cannot be started.
        """

    def was_started(self, folder: Path) -> bool:
        """Whether a run of this folder has begun, whatever has become of it."""

    def request_stop(self, folder: Path) -> None:
        """Ask a run to end; it is killed when it does not."""

    def poll(self, folder: Path) -> RunExit | None:
        """How a run ended; None while it runs. After this answers, no process of the run is left."""

    def read_console(self, folder: Path, position: int, max_bytes: int) -> ConsoleChunk:
        """What a run printed from a position on, or from the first later one that is still kept."""
