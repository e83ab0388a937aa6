"""Runs actions detached: the run belongs to the cluster, and any process that connects finds it again by its id."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from synapse_sdk.exceptions import PluginRunError
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.ray import cluster
from synapse_sdk.plugins.executors.ray.base import ActionOrEntrypoint, BaseRayExecutor
from synapse_sdk.plugins.executors.ray.remote import run_encoded
from synapse_sdk.wire.jobs import JobStatus

POLL_SECONDS = 0.2


class RayJobExecutor(BaseRayExecutor):
    """Starts actions that go on when this process ends.

    A keeper (a detached actor without resources of its own) holds the run's state; the action itself is a task with the
    resources that were asked for, which are free again when it ends. `forget` ends the keeper.

    Args:
        ray_address: `host:port` of the head node, `ray://host:port`, or `auto`.
        options: Those of `BaseRayExecutor`.
    """

    def __init__(self, env: Mapping[str, Any] | None = None, *, ray_address: str = "auto", **options: Any) -> None:
        super().__init__(env, **options)
        self._address = ray_address
        self._ray: Any = None

    def submit(self, action: ActionOrEntrypoint, params: Mapping[str, Any], *, job_id: str | None = None) -> str:
        """Start an action and answer the run's id, without waiting.

        Raises:
            PluginRunError: Ray is missing, no cluster answers, or the id is taken.
        """
        ray, run_id = self._connected(), job_id or uuid.uuid4().hex
        request = self.request(action, params, job_id)
        try:
            keeper = ray.remote(_Keeper).options(name=_name_of(run_id), lifetime="detached", num_cpus=0).remote()
        except ValueError as exc:
            raise PluginRunError(f"There is a run with the id {run_id} already") from exc
        ray.get(keeper.start.remote(request, self.env, self.reserved()))
        return run_id

    def execute(self, action: ActionOrEntrypoint, params: Mapping[str, Any], **options: Any) -> Any:
        """Run an action and wait for its result.

        Raises:
            ExecutionError: The action failed.
        """
        run_id = self.submit(action, params, **options)
        try:
            return self.get_result(run_id)
        finally:
            self.forget(run_id)

    def get_status(self, job_id: str) -> JobStatus:
        """How far a run is.

        Raises:
            PluginRunError: There is no such run, or no cluster answers.
        """
        return JobStatus(self._asked(job_id, "status"))

    def get_result(self, job_id: str, timeout: float | None = None) -> Any:
        """Wait for a run's end and answer its result.

        Raises:
            PluginValidationError: The parameters do not fit the action's model.
            ExecutionError: The action failed, or was stopped.
            TimeoutError: It takes longer than `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (outcome := self._asked(job_id, "outcome")) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"Run {job_id} has not ended after {timeout} s")
            time.sleep(POLL_SECONDS)
        return job_protocol.decode_outcome(outcome, job_id)

    def stop(self, job_id: str) -> None:
        """End a run at once; it cannot roll back. One that has ended stays as it is.

        Raises:
            PluginRunError: There is no such run, or no cluster answers.
        """
        self._asked(job_id, "stop")

    def forget(self, job_id: str) -> None:
        """End a run if it goes on, and drop what is known of it."""
        self._connected().kill(self._keeper(job_id))

    def shutdown(self) -> None:
        """Leave the cluster; runs go on."""
        ray, self._ray = self._ray, None
        if ray is not None:
            ray.shutdown()

    def _asked(self, job_id: str, question: str) -> Any:
        keeper = self._keeper(job_id)
        try:
            return self._ray.get(getattr(keeper, question).remote())
        except self._ray.exceptions.RayError as exc:
            raise PluginRunError(f"The cluster has lost run {job_id} ({type(exc).__name__})") from exc

    def _keeper(self, job_id: str) -> Any:
        try:
            return self._connected().get_actor(_name_of(job_id))
        except ValueError as exc:
            raise PluginRunError(f"There is no run with the id {job_id}") from exc

    def _connected(self) -> Any:
        if self._ray is None:
            self._ray = cluster.connect(self._address, {**self.runtime_env(), "working_dir": str(self.working_dir)})
        return self._ray


class _Keeper:
    """Knows one run; lives on the cluster."""

    def __init__(self) -> None:
        self._run: Any = None
        self._end: bytes | None = None
        self._status = JobStatus.PENDING

    def start(self, request: job_protocol.RunRequest, env: dict[str, str], resources: dict[str, Any]) -> None:
        task = cluster.import_ray().remote(run_encoded).options(max_retries=0, **resources)
        self._run, self._status = task.remote(request, env), JobStatus.RUNNING

    def status(self) -> str:
        self.outcome()
        return str(self._status)

    def outcome(self) -> bytes | None:
        ray = cluster.import_ray()
        if self._end is None and self._run is not None and ray.wait([self._run], timeout=0)[0]:
            try:
                self._end = ray.get(self._run)
            except ray.exceptions.RayError as exc:
                self._end = job_protocol.encode_error(exc)
            if self._status is JobStatus.RUNNING:
                self._status = JobStatus.FAILED if job_protocol.is_error(self._end) else JobStatus.SUCCEEDED
        return self._end

    def stop(self) -> None:
        if self.outcome() is None:
            self._status = JobStatus.STOPPED
            self._end = job_protocol.encode_error(KeyboardInterrupt())
            cluster.import_ray().cancel(self._run, force=True)


def _name_of(run_id: str) -> str:
    return f"synapse-run-{run_id}"
