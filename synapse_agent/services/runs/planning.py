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
from synapse_sdk.plugins.enums import PackageManager, RunMethod
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.environment import INSTALL_SECONDS, environment_of, has_requirements, is_built
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
# Where the nodes of a cluster keep environments: once per content, as the agent does on its own machine.
NODE_ENVS = "~/.synapse/envs"
_NEEDS = {
    "num_cpus": ("required_cpu_count", "num_cpus"),
    "num_gpus": ("required_gpu_count", "num_gpus"),
    "memory": ("memory", "memory_bytes"),
}


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
        is_elsewhere: Whether its commands run on other machines: they find their interpreter, environments and
            variables there, and only what lies in the run's folder comes with them.
    """

    settings: Settings
    envs: Path
    agent_url: str
    agent_token: str
    is_elsewhere: bool = False


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
    seconds, memory = _limits(action.settings, around)
    request = RunRequest(
        action.entrypoint, dict(start.params), start.action, action.settings, start.job_id, folder / RESULT
    )
    # What the archive says, and not the server: the process that builds reads it there.
    config = PluginConfig.from_path(work)
    python, builds = _prepare(config, folder, around)
    env = {**_own_variables(config, around), **request.to_env(folder), **_credentials(start, folder, around)}
    run = Command((python, "-m", job_protocol.ENTRYPOINT_MODULE), work, env, seconds)
    secrets = tuple(text for text in (start.token, around.agent_token) if text)
    plan = RunPlan(
        folder=folder,
        mark=f"{job_protocol.JOB_ID}={start.job_id}",
        commands=(*builds, run),
        memory_bytes=memory,
        output_bytes=around.settings.run_output_bytes,
        stop_seconds=around.settings.stop_seconds,
        secrets=secrets,
        resources=wanted_resources(action.settings),
    )
    return PlannedRun(plan, len(builds), _in_words(seconds, memory))


def wanted_resources(section: Mapping[str, Any]) -> dict[str, float]:
    """What an action's section says that a run of it needs; those of a served action are its replicas'."""
    declared = section.get("required_resources") or {}
    if section.get("method") in {RunMethod.SERVE, RunMethod.RESTAPI} or not isinstance(declared, Mapping):
        return {}
    found = {name: next((declared[key] for key in keys if declared.get(key)), None) for name, keys in _NEEDS.items()}
    return {name: amount for name, amount in found.items() if amount}


def _prepare(config: PluginConfig, folder: Path, around: Surroundings) -> tuple[str, tuple[Command, ...]]:
    """The interpreter of a run, and what must be run before there is one."""
    environment = environment_of(folder / WORK, config, cache=around.envs, installer=PackageManager.UV)
    has_all = not around.is_elsewhere and has_requirements(folder / WORK, config)
    if environment is None or has_all:
        return _interpreter(around), ()
    if around.is_elsewhere:
        # Whether it is built there, only a process there can know.
        link = folder / "env"
        return str(link / "bin" / "python"), (_build(folder, around, NODE_ENVS, str(link)),)
    builds = () if is_built(environment) else (_build(folder, around, str(around.envs)),)
    return str(environment / "bin" / "python"), builds


def _build(folder: Path, around: Surroundings, envs: str, *link: str) -> Command:
    marked = {job_protocol.JOB_ID: folder.name, job_protocol.RESULT_FILE: str(folder / RESULT)}
    if not around.is_elsewhere:
        # What an installer keeps for a moment is on the disk of the environment, and goes with the run's folder.
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        marked["TMPDIR"] = str(temporary)
    argv = (_interpreter(around), "-m", BUILD_MODULE, str(folder / WORK), envs, *link)
    return Command(argv, folder / WORK, {**_inherited(around), **marked}, INSTALL_SECONDS + 60)


def _interpreter(around: Surroundings) -> str:
    return "python" if around.is_elsewhere else sys.executable


def _inherited(around: Surroundings) -> dict[str, str]:
    # The agent's own credentials are in variables of ours, and no business of a plugin.
    variables = {} if around.is_elsewhere else read_env()
    inherited = {key: value for key, value in variables.items() if not key.startswith("SYNAPSE_")}
    return inherited | {"PYTHONUNBUFFERED": "1"}


def _own_variables(config: PluginConfig, around: Surroundings) -> dict[str, str]:
    return _inherited(around) | {key: str(value) for key, value in config.env.items()}


def _credentials(start: RunStart, folder: Path, around: Surroundings) -> dict[str, str]:
    release = PluginRelease({"code": start.plugin, "version": start.version})
    variables = {
        ENV_SYNAPSE_HOST: around.settings.server_url,
        ENV_RUN_AGENT_URL: around.agent_url,
        ENV_RUN_AGENT_TOKEN: around.agent_token,
        "SYNAPSE_PLUGIN_RELEASE_CODE": release.code,
        "SYNAPSE_PLUGIN_RELEASE_CHECKSUM": release.checksum,
        "SYNAPSE_PLUGIN_RELEASE_SHA256": start.sha256,
        job_protocol.SPOOL_FOLDER: str(folder / SPOOL),
    }
    return variables | ({ENV_RUN_USER_TOKEN: start.token} if start.token else {})


def _limits(section: Mapping[str, Any], around: Surroundings) -> tuple[float | None, int | None]:
    limits = section.get("limits") or {}
    if not isinstance(limits, Mapping) or set(limits) - {"time_seconds", "memory_bytes"}:
        raise ConfigurationError("limits of an action are time_seconds and memory_bytes")
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise ConfigurationError(f"limits.{name} must be a number above 0")
    memory = limits.get("memory_bytes") or around.settings.run_memory_bytes
    if memory is None and not around.is_elsewhere:
        memory = total_memory() * MEMORY_SHARE
    return limits.get("time_seconds") or around.settings.run_seconds, None if memory is None else int(memory)


def _in_words(seconds: float | None, memory: int | None) -> str:
    time = "no time limit" if seconds is None else f"{seconds:g} s"
    return f"limits: {time}, " + ("no memory limit" if memory is None else f"{memory / 2**20:,.0f} MiB")
