"""From a job to the commands that run it: the environment's build when it is not there, then the action."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synapse_agent.core.settings import Settings
from synapse_agent.engines.protocol import Command, RunPlan
from synapse_agent.services.capacity import total_memory
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.enums import PackageManager
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.environment import INSTALL_SECONDS, environment_of, is_built
from synapse_sdk.plugins.executors.job_protocol import RunRequest
from synapse_sdk.plugins.models import PluginRelease
from synapse_sdk.utils.auth import (
    ENV_RUN_AGENT_TOKEN,
    ENV_RUN_AGENT_URL,
    ENV_RUN_USER_TOKEN,
    ENV_SYNAPSE_HOST,
    read_env,
)
from synapse_sdk.wire.agents import RunStart

WORK, RESULT, SPOOL = "work", "result.json", "spool"
MEMORY_SHARE = 0.8
BUILD_MODULE = "synapse_sdk.plugins.executors.build"


@dataclass(frozen=True)
class PlannedRun:
    """A plan, and what is needed to understand its end."""

    plan: RunPlan
    build_steps: int
    limits: str


@dataclass(frozen=True)
class Surroundings:
    """Where a run runs.

    Attributes:
        envs: Folder of the environments.
        agent_url: This agent's API.
        agent_token: The run's own token for it.
    """

    settings: Settings
    envs: Path
    agent_url: str
    agent_token: str


def plan_run(start: RunStart, folder: Path, around: Surroundings) -> PlannedRun:
    """Plan a job whose release lies unpacked in the run's folder.

    Raises:
        ConfigurationError: The release's configuration cannot be used.
        ActionNotFoundError: It has no such action.
    """
    work = folder / WORK
    action = PluginConfig.from_dict(start.config).get_action(start.action)
    if action.entrypoint is None:
        raise ConfigurationError(f"actions.{start.action}.entrypoint is missing in the release's configuration")
    seconds, memory = _limits(action.settings, around.settings)
    request = RunRequest(
        action.entrypoint, dict(start.params), start.action, action.settings, start.job_id, folder / RESULT
    )
    # What the archive says, and not the server: the process that builds reads it there.
    config = PluginConfig.from_path(work)
    environment = environment_of(work, config, cache=around.envs, installer=PackageManager.UV)
    python = str(environment / "bin" / "python") if environment else sys.executable
    env = {**_own_variables(config), **request.to_env(folder), **_credentials(start, folder, around)}
    run = Command((python, "-m", job_protocol.ENTRYPOINT_MODULE), work, env, seconds)
    builds = () if environment is None or is_built(environment) else (_build(work, folder, around.envs),)
    secrets = tuple(text for text in (start.token, around.agent_token) if text)
    plan = RunPlan(
        folder=folder,
        mark=f"{job_protocol.JOB_ID}={start.job_id}",
        commands=(*builds, run),
        memory_bytes=memory,
        output_bytes=around.settings.run_output_bytes,
        stop_seconds=around.settings.stop_seconds,
        secrets=secrets,
    )
    return PlannedRun(plan, len(builds), _in_words(seconds, memory))


def _build(work: Path, folder: Path, envs: Path) -> Command:
    marked = {job_protocol.JOB_ID: folder.name, job_protocol.RESULT_FILE: str(folder / RESULT)}
    argv = (sys.executable, "-m", BUILD_MODULE, str(work), str(envs))
    return Command(argv, work, {**_inherited(), **marked}, INSTALL_SECONDS + 60)


def _inherited() -> dict[str, str]:
    # The agent's own credentials are in variables of ours, and no business of a plugin.
    inherited = {key: value for key, value in read_env().items() if not key.startswith("SYNAPSE_")}
    return inherited | {"PYTHONUNBUFFERED": "1"}


def _own_variables(config: PluginConfig) -> dict[str, str]:
    return _inherited() | {key: str(value) for key, value in config.env.items()}


def _credentials(start: RunStart, folder: Path, around: Surroundings) -> dict[str, str]:
    release = PluginRelease({"code": start.plugin, "version": start.version})
    variables = {
        ENV_SYNAPSE_HOST: around.settings.server_url,
        ENV_RUN_AGENT_URL: around.agent_url,
        ENV_RUN_AGENT_TOKEN: around.agent_token,
        "SYNAPSE_PLUGIN_RELEASE_CODE": release.code,
        "SYNAPSE_PLUGIN_RELEASE_CHECKSUM": release.checksum,
        job_protocol.SPOOL_FOLDER: str(folder / SPOOL),
    }
    return variables | ({ENV_RUN_USER_TOKEN: start.token} if start.token else {})


def _limits(section: Mapping[str, Any], settings: Settings) -> tuple[float | None, int]:
    limits = section.get("limits") or {}
    if not isinstance(limits, Mapping) or set(limits) - {"time_seconds", "memory_bytes"}:
        raise ConfigurationError("limits of an action are time_seconds and memory_bytes")
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise ConfigurationError(f"limits.{name} must be a number above 0")
    memory = limits.get("memory_bytes") or settings.run_memory_bytes or total_memory() * MEMORY_SHARE
    return limits.get("time_seconds") or settings.run_seconds, int(memory)


def _in_words(seconds: float | None, memory: int) -> str:
    time = "no time limit" if seconds is None else f"{seconds:g} s"
    return f"limits: {time}, {memory / 2**20:,.0f} MiB"
