"""Runs actions as jobs of Ray's Jobs API: the run outlives whoever started it, and Ray keeps its log."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import ExecutionError, PluginRunError
from synapse_sdk.plugins.enums import PackageManager
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.environment import REQUIREMENTS_FILE
from synapse_sdk.plugins.executors.ray import cluster
from synapse_sdk.plugins.executors.ray.base import ActionOrEntrypoint, BaseRayExecutor
from synapse_sdk.plugins.executors.ray.packaging import Dependencies, pack_run
from synapse_sdk.wire.jobs import JobStatus

DASHBOARD_ADDRESS = "http://localhost:8265"
POLL_SECONDS = 0.5
STREAM_SECONDS = 3600.0
_FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED})


class RayJobsApiExecutor(BaseRayExecutor):
    """Submits actions to a cluster's Jobs API.

    Args:
        env: Variables of the run, credentials included; these travel in a file, never in what the dashboard shows.
        dashboard_address: Where the Jobs API answers.
        requirements_file: Requirements of the plugin, relative to its folder.
        package_manager: `pip` or `uv`.
        package_manager_options: Options of the installer, in place of the defaults.
        wheels_dir: Folder of wheels that are installed, too.
        options: Those of `BaseRayExecutor`.

    Raises:
        PluginRunError: Ray is not installed, or no Jobs API answers.
    """

    def __init__(
        self,
        env: Mapping[str, Any] | None = None,
        *,
        dashboard_address: str = DASHBOARD_ADDRESS,
        requirements_file: str | None = None,
        package_manager: str | PackageManager = PackageManager.PIP,
        package_manager_options: Sequence[str] = (),
        wheels_dir: str = "wheels",
        **options: Any,
    ) -> None:
        manager = PackageManager(package_manager)
        file = requirements_file or REQUIREMENTS_FILE
        dependencies = Dependencies(file, manager, tuple(package_manager_options), wheels_dir)
        super().__init__(env, **{"dependencies": dependencies, **options})
        self._client = cluster.jobs_client(dashboard_address)

    def submit(self, action: ActionOrEntrypoint, params: Mapping[str, Any], *, job_id: str | None = None) -> str:
        """Start an action and answer the job's id, without waiting.

        Args:
            action: Its class, or its entrypoint.
            params: Raw parameters; the run validates them.
            job_id: The job on the server that the run reports to, and the id of the Ray job; made by Ray when None.

        Raises:
            PluginRunError: The cluster refuses the job, such as one whose id is taken.
            ArchiveError: The plugin's folder cannot be packed.
        """
        reserved = {f"entrypoint_{name}": amount for name, amount in self.reserved().items()}
        with tempfile.TemporaryDirectory(prefix="synapse-ray-") as folder:
            package = Path(folder) / "plugin.zip"
            shown = pack_run(self.working_dir, package, self.request(action, params, job_id), self.env)
            runtime_env = self.runtime_env()
            runtime_env |= {"working_dir": str(package), "env_vars": {**runtime_env.get("env_vars", {}), **shown}}
            try:
                submitted = self._client.submit_job(
                    entrypoint=f"python -m {job_protocol.ENTRYPOINT_MODULE}",
                    runtime_env=runtime_env,
                    submission_id=job_id,
                    **reserved,
                )
            except (RuntimeError, ValueError, ConnectionError) as exc:
                raise PluginRunError(f"Ray refuses the job: {_first_line(exc)}") from exc
        return str(submitted)

    def execute(self, action: ActionOrEntrypoint, params: Mapping[str, Any], **options: Any) -> Any:
        """Run an action and wait for its result.

        Raises:
            ExecutionError: The action failed.
        """
        return self.get_result(self.submit(action, params, **options))

    def get_status(self, job_id: str) -> JobStatus:
        """How far a job is.

        Raises:
            PluginRunError: There is no such job, or the cluster does not answer.
        """
        return JobStatus(self._ask(self._client.get_job_status, job_id).value)

    def get_logs(self, job_id: str) -> str:
        """All that a job has printed.

        Raises:
            PluginRunError: There is no such job, or the cluster does not answer.
        """
        return str(self._ask(self._client.get_job_logs, job_id))

    def stop(self, job_id: str) -> bool:
        """Ask a job to end; it may roll back. Answers whether it was running.

        Raises:
            PluginRunError: There is no such job, or the cluster does not answer.
        """
        return bool(self._ask(self._client.stop_job, job_id))

    def wait(self, job_id: str, timeout_seconds: float | None = None) -> JobStatus:
        """Wait for a job's end.

        Raises:
            TimeoutError: It takes longer; it goes on running.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while (status := self.get_status(job_id)) not in _FINAL:
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"Job {job_id} is still {status} after {timeout_seconds} s")
            time.sleep(POLL_SECONDS)
        return status

    def get_result(self, job_id: str, timeout: float | None = None) -> Any:
        """Wait for a job's end and answer its result; a bare value has the key `result`.

        Raises:
            ExecutionError: The action failed, was stopped, or ended without a result.
            TimeoutError: It takes longer than `timeout` seconds.
        """
        status = self.wait(job_id, timeout)
        log = self.get_logs(job_id)
        if status is JobStatus.STOPPED:
            raise ExecutionError(f"Job {job_id} was stopped before its end")
        _, found, rest = log.rpartition(job_protocol.RESULT_START)
        body, is_whole, _ = rest.partition(job_protocol.RESULT_END)
        if status is JobStatus.SUCCEEDED and found and is_whole:
            return json.loads(body)
        if status is JobStatus.SUCCEEDED:
            raise ExecutionError(f"Job {job_id} ended without a result")
        said = [line for line in log.splitlines() if line.strip()]
        raise ExecutionError(f"Job {job_id} failed: {said[-1] if said else 'it printed nothing'}")

    async def stream_logs_async(self, job_id: str) -> AsyncIterator[str]:
        """What a job prints, as it comes, from its beginning to its end."""
        async for lines in self._client.tail_job_logs(job_id):
            yield lines

    def stream_logs(self, job_id: str, *, timeout: float = STREAM_SECONDS) -> Iterator[str]:
        """What a job prints, as it comes; ends with the job.

        Raises:
            TimeoutError: The job runs longer than `timeout` seconds.
        """
        loop, deadline = asyncio.new_event_loop(), time.monotonic() + timeout
        stream = aiter(self._client.tail_job_logs(job_id))
        try:
            while True:
                left = max(deadline - time.monotonic(), 0)
                yield loop.run_until_complete(asyncio.wait_for(anext(stream), left))
        except StopAsyncIteration:
            return
        finally:
            loop.run_until_complete(stream.aclose())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    @staticmethod
    def _ask(question: Any, job_id: str) -> Any:
        try:
            return question(job_id)
        except (RuntimeError, ConnectionError) as exc:
            raise PluginRunError(f"Ray cannot answer for job {job_id}: {_first_line(exc)}") from exc


def _first_line(exc: BaseException) -> str:
    # What Ray raises for an HTTP error ends with the traceback of its own server.
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0][:300]
