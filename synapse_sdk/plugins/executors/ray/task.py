"""Runs actions in an actor: a process of the cluster that stays warm from one run to the next."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Self

from synapse_sdk.exceptions import ExecutionError
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.ray import cluster
from synapse_sdk.plugins.executors.ray.base import ActionOrEntrypoint, BaseRayExecutor
from synapse_sdk.plugins.executors.ray.remote import run_encoded


class RayActorExecutor(BaseRayExecutor):
    """Runs actions one after the other in one actor, and waits for each.

    What an action loads (a model, a data set) stays in the actor's memory for the next. Use as a context manager or
    call `shutdown`.

    Args:
        ray_address: `host:port` of the head node, `ray://host:port`, or `auto`.
        options: Those of `BaseRayExecutor`.
    """

    def __init__(self, env: Mapping[str, Any] | None = None, *, ray_address: str = "auto", **options: Any) -> None:
        super().__init__(env, **options)
        self._address = ray_address
        self._ray: Any = None
        self._actor: Any = None

    def execute(
        self,
        action: ActionOrEntrypoint,
        params: Mapping[str, Any],
        *,
        job_id: str | None = None,
        end_mark: str | None = None,
        **_: Any,
    ) -> Any:
        """Run an action and wait for its result.

        Args:
            action: Its class, or its entrypoint.
            params: Raw parameters; the run validates them.
            job_id: The job on the server that the run reports to.
            end_mark: A line that the run prints last, on either stream: what it prints comes later than its result.

        Raises:
            PluginRunError: Ray is missing, or no cluster answers.
            PluginValidationError: The parameters do not fit the action's model.
            ExecutionError: The action failed, or its process died.
        """
        request = self.request(action, params, job_id)
        actor = self._started()
        try:
            env = self.env if end_mark is None else {**self.env, job_protocol.END_MARK: end_mark}
            outcome = self._ray.get(actor.run.remote(request, env))
        except self._ray.exceptions.RayError as exc:
            # The next run starts a fresh actor.
            self._actor = None
            message = f"Action {request.action or request.entrypoint!r} lost its Ray actor ({type(exc).__name__})"
            raise ExecutionError(message) from exc
        return job_protocol.decode_outcome(outcome, request.action or request.entrypoint)

    def stop(self) -> None:
        """From another thread: end the action that runs, at once; it cannot roll back."""
        ray, actor = self._ray, self._actor
        if ray is not None and actor is not None:
            ray.kill(actor)

    def shutdown(self) -> None:
        """End the actor and leave the cluster."""
        ray, self._ray, actor, self._actor = self._ray, None, self._actor, None
        if ray is not None:
            if actor is not None:
                ray.kill(actor)
            ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.shutdown()

    def _started(self) -> Any:
        if self._ray is None:
            self._ray = cluster.connect(self._address, {**self.runtime_env(), "working_dir": str(self.working_dir)})
        if self._actor is None:
            self._actor = self._ray.remote(_Actor).options(**self.reserved()).remote()
        return self._actor


class _Actor:
    def run(self, request: job_protocol.RunRequest, env: dict[str, str]) -> bytes:
        end_mark = env.pop(job_protocol.END_MARK, None)
        try:
            return run_encoded(request, env)
        finally:
            if end_mark is not None:
                for stream in (sys.stdout, sys.stderr):
                    stream.write(f"{end_mark}\n")
                    stream.flush()
