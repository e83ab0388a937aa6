"""What the agent's database keeps of the playground: containers and builds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synapse_sdk.wire.containers import BuildStatus, ContainerStatus

# Of what an app has received: it is not known yet.
UNKNOWN = -1


@dataclass(frozen=True)
class AppFacts:
    """What a release says about its app.

    Attributes:
        file: The app's file, below the release's folder.
        name: The object in it that its entrypoint names.
        base_image: The image it is built on.
        archive: SHA-256 of the release's archive.
        packages: Hash of what is installed for it; two releases with the same have the same packages.
    """

    file: str
    name: str
    base_image: str
    archive: str
    memory_bytes: int | None = None
    cpus: float | None = None
    gpus: int = 0
    packages: str = ""


@dataclass(frozen=True)
class ContainerRow:
    """One container, as it shall be.

    Attributes:
        container_id: The engine's id of the container that was made last; None when there is none.
        checksum: What its image is made of: the archive, the base image, the way it is built.
        spec: Hash of all else that a container cannot change once it is made.
        used_at: When somebody last asked for it or talked to it, as a Unix time.
        received: Bytes that it had received by then; while it is paused, what is nobody's call.
        waiting: Bytes that callers had sent and it had not read when it was paused.
        adopted: Checksum and spec that its container was given when it was taken from the pool; its labels do not
            say them, as they cannot be changed.
    """

    id: int
    plugin_release: str
    model: int | None
    checksum: str
    spec: str
    image: str
    app: AppFacts
    params: Mapping[str, Any]
    envs: Mapping[str, str] = field(repr=False)
    labels: tuple[str, ...]
    metadata: Mapping[str, Any]
    container_id: str | None
    name: str | None
    host_port: int | None
    status: ContainerStatus
    error: str | None
    build_id: str | None
    used_at: float
    received: int
    created_at: str
    updated_at: str
    adopted: str | None = None
    waiting: int = 0


@dataclass(frozen=True)
class WarmRow:
    """A container that waits with its packages imported.

    Attributes:
        kit: What it is good for (`pool.kit_of`).
        is_ready: It has imported them.
    """

    container_id: str
    kit: str
    host_port: int
    is_ready: bool


@dataclass(frozen=True)
class Wanted:
    """What a request asks of a container; None keeps what the record has."""

    plugin_release: str
    model: int | None
    checksum: str | None = None
    image: str | None = None
    app: AppFacts | None = None
    params: Mapping[str, Any] | None = None
    envs: Mapping[str, str] | None = None
    labels: tuple[str, ...] | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class BuildRow:
    """One build.

    Attributes:
        row_id: The container's record; it may be gone by now.
        is_restarted: The container was there already.
        recreated: Why it was made anew.
    """

    id: str
    row_id: int
    plugin_release: str
    status: BuildStatus
    error: str | None
    is_restarted: bool
    recreated: str | None
    created_at: str
    updated_at: str


def spec_of(params: Mapping[str, Any], envs: Mapping[str, str], app: AppFacts) -> str:
    """Hash of what a container cannot change once it is made."""
    limits = [app.memory_bytes, app.cpus, app.gpus]
    content = json.dumps([params, envs, limits], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:32]
