"""What the Ray executors share: where the plugin is, what a run may use, and how a request is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.executors.job_protocol import RunRequest
from synapse_sdk.plugins.executors.local import entrypoint_of
from synapse_sdk.plugins.executors.ray.packaging import Dependencies, build_runtime_env

ActionOrEntrypoint = type[BaseAction[Any]] | str


class BaseRayExecutor:
    """A Ray cluster that runs a plugin's actions.

    Args:
        env: Variables of the run, credentials included; nothing of this process's environment goes along.
        working_dir: The plugin's folder, which travels to the cluster; the current one when None.
        runtime_env: More of Ray's runtime environment, as in config.yaml.
        num_cpus: Cores that a run reserves; Ray's default when None.
        num_gpus: GPUs that a run reserves.
        memory: Bytes that a run reserves.
        action_name: Name of the action in config.yaml.
        config: The action's section of config.yaml.
        include_sdk: Send this SDK along, for a cluster that has none.
        dependencies: How the plugin's requirements are installed.
    """

    def __init__(
        self,
        env: Mapping[str, Any] | None = None,
        *,
        working_dir: str | Path | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        num_cpus: float | None = None,
        num_gpus: float | None = None,
        memory: int | None = None,
        action_name: str | None = None,
        config: Mapping[str, Any] | None = None,
        include_sdk: bool = False,
        dependencies: Dependencies | None = None,
    ) -> None:
        self.env = {key: str(value) for key, value in (env or {}).items()}
        self.working_dir = Path(working_dir) if working_dir else Path.cwd()
        self.resources = {"num_cpus": num_cpus, "num_gpus": num_gpus, "memory": memory}
        self._action_name, self._config = action_name, dict(config or {})
        self._runtime_env, self._include_sdk = dict(runtime_env or {}), include_sdk
        self._dependencies = dependencies or Dependencies()

    def runtime_env(self) -> dict[str, Any]:
        """The runtime environment of a run, without its working directory."""
        return build_runtime_env(
            self._runtime_env, self.working_dir, self._dependencies, include_sdk=self._include_sdk
        )  # fmt: skip

    def request(self, action: ActionOrEntrypoint, params: Mapping[str, Any], job_id: str | None) -> RunRequest:
        """What the cluster is asked to run.

        Raises:
            ExecutionError: The action's class cannot be imported by another process.
        """
        entrypoint = action if isinstance(action, str) else entrypoint_of(action)
        return RunRequest(entrypoint, dict(params), self._action_name, self._config, job_id)

    def reserved(self) -> dict[str, Any]:
        """The resources that were asked for, by Ray's names."""
        return {name: amount for name, amount in self.resources.items() if amount is not None}
