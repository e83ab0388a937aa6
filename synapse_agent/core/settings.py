"""Settings of an agent: read once from the environment, passed down."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One agent's settings, from `SYNAPSE_AGENT_*` variables."""

    model_config = SettingsConfigDict(env_prefix="SYNAPSE_AGENT_", extra="ignore")

    home: Path = Field(Path("~/.synapse/agent"), description="Folder of the agent's key and state.")
    name: str = Field(default_factory=socket.gethostname, description="How people see this host; unique per server.")
    server_url: str = Field("http://127.0.0.1:8100", description="The platform's server.")
    token: str | None = Field(None, description="A person's token, needed once, to register this host.", repr=False)
    api_token: str | None = Field(
        None, description="Token of the agent's own API; default is one made at its first start.", repr=False
    )
    heartbeat_seconds: float = Field(10.0, gt=0, description="An agent is taken for gone after three silent beats.")
    claim_wait_seconds: float = Field(
        10.0, ge=0, le=20, description="How long the server may hold the question for work until there is some."
    )
    retry_seconds: float = Field(2.0, gt=0, description="Wait before a server that is away is asked again.")
    max_runs: int = Field(
        default_factory=lambda: max(4, 2 * (os.cpu_count() or 1)),
        gt=0,
        description="Runs at once; more wait on the server. Default is two per core, at least 4.",
    )
    run_memory_bytes: int | None = Field(
        None, gt=0, description="What a run may hold unless its action says otherwise; default is 80 % of the machine."
    )
    run_seconds: float | None = Field(
        None, gt=0, description="How long a run may take unless its action says otherwise; default is no limit."
    )
    run_output_bytes: int = Field(
        16 * 2**20, gt=0, description="How much of a run's output is kept: its beginning and its newest part."
    )
    stop_seconds: float = Field(
        10.0, gt=0, description="How long a stopped run may take to roll back before it is killed."
    )
    stop_runs_at_exit: bool = Field(
        False, description="Stop the runs when the agent is stopped; default is to let them go on and find them again."
    )
    ray_address: str | None = Field(
        None,
        description="Dashboard of a Ray cluster (`http://host:8265`, or `auto`) that runs and serves in this host's "
        "place; default is this host itself.",
    )
    ray_token: str | None = Field(None, description="Authentication token of that cluster, if it has one.", repr=False)
    ray_lost_seconds: float = Field(
        60.0, gt=0, description="How long a Ray cluster may be silent before its runs are given up as lost."
    )
    ray_serve_port: int = Field(8000, gt=0, description="Port of Ray Serve's proxies, where it is not running yet.")
