"""Runs a plugin's action, wherever the plugin is and wherever the action should run."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import PluginError
from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.discovery import PluginDiscovery
from synapse_sdk.plugins.enums import ExecutionMode
from synapse_sdk.plugins.executors import LocalExecutor
from synapse_sdk.plugins.executors.environment import plugin_python
from synapse_sdk.plugins.executors.ray import RayActorExecutor, RayJobsApiExecutor
from synapse_sdk.plugins.executors.ray.packaging import Dependencies

__all__ = ["ExecutionMode", "PluginProcess", "open_for_cluster", "open_plugin", "run_plugin"]


@dataclass(frozen=True)
class PluginProcess:
    """A plugin that is ready to run in processes of its own.

    Attributes:
        plugin: What it offers.
        folder: Where its processes start.
        python: The interpreter that has its requirements.
    """

    plugin: PluginDiscovery
    folder: Path
    python: Path

    def run(
        self,
        action: str,
        params: Mapping[str, Any] | None = None,
        *,
        env: Mapping[str, Any] | None = None,
        job_id: str | None = None,
    ) -> Any:
        """Run an action and wait for its result.

        Raises:
            ActionNotFoundError: The plugin has no such action.
            PluginValidationError: The parameters do not fit the action's model.
            ExecutionError: The action failed, or its process died.
        """
        executor = self.executor(action, env=env, job_id=job_id)
        return executor.execute(self.plugin.get_action_entrypoint(action), params or {})

    def executor(
        self,
        action: str,
        *,
        env: Mapping[str, Any] | None = None,
        job_id: str | None = None,
        console: int | None = None,
    ) -> LocalExecutor:
        """What runs an action; for those who want to stop it, or to have what it prints.

        Raises:
            ActionNotFoundError: The plugin has no such action.
        """
        return LocalExecutor(
            {**self.plugin.config.env, **(env or {})},
            job_id,
            working_dir=self.folder,
            python=self.python,
            action_name=action,
            config=self.plugin.get_action_config(action).settings,
            console=console,
        )


def open_plugin(plugin_code: str | Path, *, notify: Callable[[str], None] | None = None) -> PluginProcess:
    """Get a plugin ready: read its configuration and install its requirements.

    Args:
        plugin_code: A plugin's folder, its configuration file, or an importable module.
        notify: Told when an installation starts.

    Raises:
        ConfigurationError: The configuration cannot be used.
        BuildError: The requirements cannot be installed.
        PluginError: There is neither such a folder nor such a module.
    """
    if Path(plugin_code).exists():
        plugin = PluginDiscovery.from_path(plugin_code)
        folder = plugin.folder or Path.cwd()
        python = plugin_python(folder, plugin.config, notify=notify or _say_nothing)
        return PluginProcess(plugin, folder, python)
    name = str(plugin_code)
    if not _is_module(name):
        raise PluginError(f"There is no plugin {name!r}: neither a folder with a config.yaml nor an importable module")
    return PluginProcess(PluginDiscovery.from_module(name), Path.cwd(), Path(sys.executable))


def run_plugin(
    plugin_code: str | Path,
    action: str,
    params: Mapping[str, Any] | None = None,
    *,
    mode: ExecutionMode = ExecutionMode.LOCAL,
    action_cls: type[BaseAction[Any]] | None = None,
    env: Mapping[str, Any] | None = None,
    job_id: str | None = None,
    working_dir: str | Path | None = None,
    **cluster: Any,
) -> Any:
    """Run one action of a plugin.

    Args:
        plugin_code: A plugin's folder, its configuration file, or an importable module.
        action: Name of the action.
        params: Its raw parameters.
        mode: Where it runs: in a process of this machine, in an actor of a Ray cluster, or as a job of one.
        action_cls: Run this class instead of looking the action up.
        env: Variables for the run, beside those of config.yaml.
        job_id: The job on the server that the run reports to.
        working_dir: Where the process of `action_cls` starts.
        cluster: With the modes task and job, what their executor takes: `ray_address` (task), `dashboard_address`
            (job), `num_cpus`, `num_gpus`, `memory`, `runtime_env`, `include_sdk`.

    Returns:
        The action's result; with the mode job, the id of the job, which goes on by itself.

    Raises:
        PluginRunError: The mode needs Ray, which is not installed, or no cluster answers.
        PluginError: The plugin or the action cannot be found, or the run failed.
    """
    if mode is ExecutionMode.LOCAL:
        if action_cls is None:
            return open_plugin(plugin_code).run(action, params, env=env, job_id=job_id)
        executor = LocalExecutor(env, job_id, working_dir=working_dir, action_name=action)
        return executor.execute(action_cls, params or {})
    target: type[BaseAction[Any]] | str
    if action_cls is None:
        target, options = open_for_cluster(plugin_code, action, env=env, **cluster)
    else:
        target, options = action_cls, {"env": env, "working_dir": working_dir, "action_name": action, **cluster}
    if mode is ExecutionMode.JOB:
        return RayJobsApiExecutor(**options).submit(target, params or {}, job_id=job_id)
    with RayActorExecutor(**options) as actor:
        return actor.execute(target, params or {}, job_id=job_id)


def open_for_cluster(
    plugin_code: str | Path, action: str, *, env: Mapping[str, Any] | None = None, **cluster: Any
) -> tuple[str, dict[str, Any]]:
    """An action's entrypoint, and what an executor of a cluster takes for it; the plugin is not imported.

    Args:
        plugin_code: A plugin's folder, or its configuration file.
        action: Name of the action.
        env: Variables for the run, beside those of config.yaml.
        cluster: More for the executor.

    Raises:
        PluginError: There is no such folder, or no such action.
        ConfigurationError: The configuration cannot be used.
    """
    if not Path(plugin_code).exists():
        raise PluginError(
            f"There is no plugin folder {str(plugin_code)!r}; a cluster is sent a folder with a config.yaml"
        )
    plugin = PluginDiscovery.from_path(plugin_code)
    config, section = plugin.config, plugin.get_action_config(action)
    options = {
        "working_dir": plugin.folder,
        "action_name": action,
        "config": section.settings,
        "env": {**config.env, **(env or {})},
        "runtime_env": config.runtime_env,
        "dependencies": Dependencies(
            package_manager=config.package_manager,
            options=tuple(config.package_manager_options),
            wheels_dir=config.wheels_dir,
        ),
    }
    return plugin.get_action_entrypoint(action), {**options, **cluster}


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _say_nothing(_message: str) -> None: ...
