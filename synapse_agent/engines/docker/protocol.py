"""What a container engine is asked, and the records that pass: a narrow part of the Docker API.

Everything that the agent knows about a container after a crash is in the labels that it gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

AGENT_LABEL = "synapse.playground.agent"
RECORD_LABEL = "synapse.playground.record"
CHECKSUM_LABEL = "synapse.playground.checksum"
SPEC_LABEL = "synapse.playground.spec"
WARM_LABEL = "synapse.playground.warm"
# Of images alone: containers inherit it, and nobody asks them for it.
IMAGE_LABEL = "synapse.playground.image-of"


class EngineError(Exception):
    """The engine refused; the message is its own."""


class EngineAwayError(EngineError):
    """No engine answers; the message says what to do."""


class PortTakenError(EngineError):
    """Another program has the port."""


class NoContainerError(EngineError):
    """The engine has no such container."""


class ImageBuildError(EngineError):
    """A step of a build failed; the message is what it printed last."""


class RunState(StrEnum):
    """What a container does, in the engine's words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


@dataclass(frozen=True)
class Image:
    """An image that is there.

    Attributes:
        tags: Its names.
        created: When it was built, as a Unix time; only in lists.
    """

    id: str
    labels: Mapping[str, str]
    tags: tuple[str, ...] = ()
    created: float = 0.0


@dataclass(frozen=True)
class Container:
    """A container that is there.

    Attributes:
        exit_code: Of its last end.
        attrs: All that the engine says about it; empty in lists.
    """

    id: str
    name: str
    state: RunState
    labels: Mapping[str, str]
    exit_code: int = 0
    attrs: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class ContainerOrder:
    """A container to be made.

    Attributes:
        host_address: Address of this host that its port is published on.
        scratch: Folders that it may write to, with their sizes in bytes.
        log_bytes: How much of its output is kept, twice.
        gpus: How many it gets.
        command: What it runs, if not what its image says; then it reads what `hand_over` gives it.
    """

    image: str
    env: Mapping[str, str] = field(repr=False)
    labels: Mapping[str, str]
    host_address: str
    host_port: int
    app_port: int
    memory_bytes: int
    cpus: float
    processes: int
    scratch: Mapping[str, int]
    log_bytes: int
    gpus: int = 0
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildOrder:
    """An image to be built.

    Attributes:
        context: A tar file's bytes, opened anew.
        dockerfile: Its path in the context.
        arguments: Build arguments.
        seconds: How long it may take.
    """

    tag: str
    context: Callable[[], Any]
    dockerfile: str
    labels: Mapping[str, str]
    arguments: Mapping[str, str] = field(repr=False)
    memory_bytes: int
    seconds: float


@dataclass(frozen=True)
class Usage:
    """What a container has used since it started.

    Attributes:
        received: Bytes that came over its network.
        cpu_seconds: Of all its processes.
    """

    received: int
    cpu_seconds: float


@dataclass(frozen=True)
class EngineInfo:
    """Which engine answers.

    Attributes:
        warning: What it lacks of keeping containers apart, and what to do; empty when nothing.
    """

    name: str
    version: str
    warning: str = ""


class ContainerEngine(Protocol):
    """Docker or Podman. Every call may raise `EngineAwayError`; the others are named."""

    def describe(self) -> EngineInfo:
        """Which engine answers."""

    def ping(self) -> None:
        """Return when an engine answers."""

    def find_image(self, reference: str) -> Image | None:
        """An image by name or id; None when it is not there."""

    def list_images(self, labels: Mapping[str, str]) -> list[Image]:
        """Images with these labels."""

    def build_image(self, order: BuildOrder, write: Callable[[str], None]) -> None:
        """Build and tag an image; what the steps print goes to `write`, line by line.

        Raises:
            ImageBuildError: A step failed, or it took too long.
        """

    def forget_image(self, image_id: str) -> None:
        """Remove an image that no container is made of; any other is left alone."""

    def create(self, order: ContainerOrder) -> str:
        """Make a container and answer its id; it does not run yet.

        Raises:
            EngineError: The engine refused.
        """

    def start(self, container_id: str) -> None:
        """Start a container; one that runs is left alone.

        Raises:
            PortTakenError: Its port is taken.
            NoContainerError: It is gone.
        """

    def hand_over(self, container_id: str, content: bytes) -> None:
        """Write to the input of a container that runs with a command of ours.

        Raises:
            EngineError: It does not run.
        """

    def keep_running(self, container_id: str) -> None:
        """From now on the engine itself starts it again when it ends or the machine restarts."""

    def stop(self, container_id: str, seconds: int) -> None:
        """Stop a container; one that is stopped or gone is left alone."""

    def pause(self, container_id: str) -> None:
        """Freeze a container; its memory stays."""

    def unpause(self, container_id: str) -> None:
        """Let a frozen container go on; one that runs is left alone."""

    def remove(self, container_id: str) -> None:
        """Kill and remove a container; one that is gone is left alone."""

    def inspect(self, container_id: str) -> Container | None:
        """A container; None when it is gone."""

    def find_labelled(self, labels: Mapping[str, str]) -> list[Container]:
        """Containers with these labels, running or not."""

    def read_log(self, container_id: str, tail: int, since: str = "") -> list[tuple[str, str]]:
        """Last lines that it printed, each with its time; only later ones than `since`."""

    def listening_ports(self, container_id: str) -> list[int]:
        """Ports that programs in the container listen on; empty when that cannot be told."""

    def usage(self, container_id: str) -> Usage | None:
        """What it received and worked since it started, paused or not; None when that cannot be told."""

    def waiting(self, container_id: str, port: int) -> int | None:
        """Bytes that callers have sent to its port and it has not read; None when that cannot be told."""
