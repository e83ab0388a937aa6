"""Runs a pipeline's actions on a cluster, one after the other; it goes on when this process ends."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import ExecutionError, PluginError, PluginRunError
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.job_protocol import RunRequest
from synapse_sdk.plugins.executors.ray import cluster
from synapse_sdk.plugins.executors.ray.base import ActionOrEntrypoint, BaseRayExecutor
from synapse_sdk.plugins.executors.ray.remote import run_step
from synapse_sdk.plugins.models.logger import ActionProgress, PipelineProgress
from synapse_sdk.plugins.models.pipeline import ActionStatus, RunStatus

POLL_SECONDS = 0.5
_FINAL = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


class RayPipelineExecutor(BaseRayExecutor):
    """Starts pipelines and answers how far they are.

    Args:
        ray_address: `host:port` of the head node, `ray://host:port`, or `auto`.
        options: Those of `BaseRayExecutor`; resources are reserved per action.
    """

    def __init__(self, env: Mapping[str, Any] | None = None, *, ray_address: str = "auto", **options: Any) -> None:
        super().__init__(env, **options)
        self._address = ray_address
        self._ray: Any = None

    def submit(
        self,
        actions: Sequence[ActionOrEntrypoint],
        params: Mapping[str, Any],
        *,
        name: str | None = None,
        resume_from: str | None = None,
    ) -> str:
        """Start a pipeline and answer its run's id, without waiting.

        Args:
            actions: Their classes or entrypoints, in order.
            params: Parameters of the first, and of every later one that names them.
            name: Goes into the run's id.
            resume_from: A run of the same actions: what it has completed is not run again.

        Raises:
            PluginRunError: Ray is missing, no cluster answers, or there is no run to resume.
        """
        ray, run_id = self._connected(), f"{name or 'pipeline'}-{uuid.uuid4().hex[:12]}"
        requests = [self.request(action, {}, None) for action in actions]
        done = self._asked(resume_from, "completed") if resume_from else {}
        keeper = ray.remote(_PipelineKeeper).options(name=run_id, lifetime="detached", num_cpus=0).remote(run_id)
        ray.get(keeper.start.remote(requests, dict(params), env=self.env, resources=self.reserved(), done=done))
        return run_id

    def get_progress(self, run_id: str) -> PipelineProgress:
        """How far each action is.

        Raises:
            PluginRunError: There is no such run, or no cluster answers.
        """
        return PipelineProgress.model_validate(self._asked(run_id, "progress"))

    def wait(
        self, run_id: str, timeout_seconds: float | None = None, poll_interval: float = POLL_SECONDS
    ) -> dict[str, Any]:
        """Wait for a pipeline's end and answer the result of each action, by its name.

        Raises:
            ExecutionError: An action failed, or the pipeline was stopped.
            TimeoutError: It takes longer; it goes on.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while (progress := self.get_progress(run_id)).status not in _FINAL:
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"Pipeline {run_id} has not ended after {timeout_seconds} s")
            time.sleep(poll_interval)
        if progress.status is RunStatus.CANCELLED:
            raise ExecutionError(f"Pipeline {run_id} was stopped before its end")
        for action in progress.actions:
            if action.status is ActionStatus.FAILED:
                raise ExecutionError(f"Pipeline {run_id} failed: {action.error}", {"action": action.name})
        results: dict[str, Any] = self._asked(run_id, "completed")
        return results

    def stop(self, run_id: str) -> None:
        """End a pipeline at once.

        Raises:
            PluginRunError: There is no such run, or no cluster answers.
        """
        self._asked(run_id, "stop")

    def forget(self, run_id: str) -> None:
        """End a run if it goes on, and drop what is known of it; it cannot be resumed any more."""
        self._connected().kill(self._keeper(run_id))

    def shutdown(self) -> None:
        """Leave the cluster; pipelines go on."""
        ray, self._ray = self._ray, None
        if ray is not None:
            ray.shutdown()

    def _asked(self, run_id: str, question: str) -> Any:
        keeper = self._keeper(run_id)
        try:
            return self._ray.get(getattr(keeper, question).remote())
        except self._ray.exceptions.RayError as exc:
            raise PluginRunError(f"The cluster has lost pipeline {run_id} ({type(exc).__name__})") from exc

    def _keeper(self, run_id: str) -> Any:
        try:
            return self._connected().get_actor(run_id)
        except ValueError as exc:
            raise PluginRunError(f"There is no pipeline run {run_id}") from exc

    def _connected(self) -> Any:
        if self._ray is None:
            self._ray = cluster.connect(self._address, {**self.runtime_env(), "working_dir": str(self.working_dir)})
        return self._ray


class _PipelineKeeper:
    """Drives one pipeline; lives on the cluster, detached."""

    def __init__(self, run_id: str) -> None:
        self._progress = PipelineProgress(run_id=run_id)
        self._results: dict[str, Any] = {}
        self._current: Any = None
        self._driving: asyncio.Task[None] | None = None

    async def start(
        self,
        requests: list[RunRequest],
        params: dict[str, Any],
        *,
        env: dict[str, str],
        resources: dict[str, Any],
        done: dict[str, Any],
    ) -> None:
        names = [_name_of(request) for request in requests]
        self._progress.actions = [ActionProgress(name=name) for name in names]
        self._progress.status = RunStatus.RUNNING
        step = cluster.import_ray().remote(run_step).options(max_retries=0, **resources)
        self._results = {name: done[name] for name in names if name in done}
        self._driving = asyncio.create_task(self._drive(step, requests, params, env))

    async def progress(self) -> dict[str, Any]:
        return self._progress.model_dump(mode="json")

    async def completed(self) -> dict[str, Any]:
        return self._results

    async def stop(self) -> None:
        if self._progress.status is RunStatus.RUNNING:
            self._progress.status = RunStatus.CANCELLED
            cluster.import_ray().cancel(self._current, force=True)

    async def _drive(
        self, step: Any, requests: list[RunRequest], values: dict[str, Any], env: dict[str, str]
    ) -> None:  # fmt: skip
        for action, request in zip(self._progress.actions, requests, strict=True):
            if action.name in self._results:
                action.status, action.percent = ActionStatus.SKIPPED, 100.0
            elif not await self._run(step, action, RunRequest(request.entrypoint, values, config=request.config), env):
                return
            if isinstance(result := self._results[action.name], Mapping):
                values = {**values, **result}
        self._progress.status = RunStatus.COMPLETED

    async def _run(self, step: Any, action: ActionProgress, request: RunRequest, env: dict[str, str]) -> bool:
        action.status = ActionStatus.RUNNING
        self._current = step.remote(request, env)
        try:
            self._results[action.name] = job_protocol.decode_outcome(await self._current, action.name)
        except (PluginError, cluster.import_ray().exceptions.RayError) as exc:
            action.status, action.error = ActionStatus.FAILED, str(exc).splitlines()[0]
            if self._progress.status is RunStatus.RUNNING:
                self._progress.status = RunStatus.FAILED
            return False
        action.status, action.percent = ActionStatus.COMPLETED, 100.0
        return True


def _name_of(request: RunRequest) -> str:
    from synapse_sdk.plugins.discovery import load_entrypoint, name_of_class

    return name_of_class(load_entrypoint(request.entrypoint, Path.cwd()))
