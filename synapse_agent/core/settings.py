"""Settings of an agent: read once from the environment, passed down."""

from __future__ import annotations

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
    heartbeat_seconds: float = Field(10.0, gt=0, description="An agent is taken for gone after three silent beats.")
