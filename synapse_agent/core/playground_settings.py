"""Settings of the playground: what containers may be made of, may use, and where they answer."""

from __future__ import annotations

import os

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from synapse_sdk.wire.containers import FIRST_PORT, LAST_PORT


class PlaygroundSettings(BaseSettings):
    """One agent's playground, from `SYNAPSE_AGENT_PLAYGROUND_*` variables."""

    model_config = SettingsConfigDict(env_prefix="SYNAPSE_AGENT_PLAYGROUND_", extra="ignore")

    engine_url: str | None = Field(
        None, description="Socket of Docker or Podman, as `unix:///path`; default is the first usual one that answers."
    )
    gradio_container_base_image: str = Field(
        "synapse-playground-base:1",
        description="Image that plugins are built on; `docker/build-base.sh` makes it without any image registry.",
    )
    allowed_base_images: tuple[str, ...] = Field(
        (), description="More images that a plugin's `base_image` may name, as a JSON list; none is pulled."
    )
    bind_address: str | None = Field(
        None, description="Address that apps answer on; default is this host only, as for the agent's own API."
    )
    endpoint_host: str | None = Field(None, description="Name of this host in the apps' addresses.")
    first_port: int = Field(FIRST_PORT, gt=0, le=65535, description="First port that an app may answer on.")
    last_port: int = Field(LAST_PORT, gt=0, le=65535, description="Last port that an app may answer on.")
    memory_bytes: int = Field(2 * 2**30, gt=0, description="What an app may hold unless its action says otherwise.")
    cpus: float = Field(2.0, gt=0, description="Cores that an app may use unless its action says otherwise.")
    processes: int = Field(256, gt=0, description="Processes and threads of an app.")
    scratch_bytes: int = Field(512 * 2**20, gt=0, description="Size of /tmp, the one place that an app may write to.")
    log_bytes: int = Field(5 * 2**20, gt=0, description="How much of what an app prints is kept, twice.")
    build_seconds: float = Field(1800.0, gt=0, description="How long an image may be built.")
    build_memory_bytes: int = Field(4 * 2**30, gt=0, description="What the installation of packages may hold.")
    start_seconds: float = Field(120.0, gt=0, description="How long an app may take until it answers.")
    stop_seconds: int = Field(5, ge=0, description="How long an app may take to end before it is killed.")
    idle_pause_seconds: float = Field(
        600.0,
        ge=0,
        description="An app that nobody talked to for so long is paused: it keeps its memory, takes no CPU, goes on "
        "when it is asked for; 0 for never.",
    )
    idle_seconds: float = Field(
        3600.0, ge=0, description="An app that nobody talked to for so long is stopped; 0 for never."
    )
    builds_at_once: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        gt=0,
        description="Builds and starts at once; more wait. Default is one per core, as starting is CPU work.",
    )
    warm_pool: int = Field(
        0,
        ge=0,
        le=20,
        description="Containers that wait with Gradio imported, for apps of the packages that were used last; such an "
        "app answers within a second. Each holds 100 MB and more, so default is none.",
    )
    look_seconds: float = Field(
        5.0, gt=0, description="How often the records are compared with the engine, which people change too."
    )
    index_url: str | None = Field(
        None,
        description="Package index for builds, instead of the base image's; images do not tell it.",
        repr=False,
    )
