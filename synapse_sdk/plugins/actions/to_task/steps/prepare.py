"""The first step: are the parameters whole, is the specification there, does the pre-processor answer?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from synapse_sdk.exceptions import (
    ClientConnectionError,
    ClientError,
    ClientTimeoutError,
    PreAnnotationError,
    ServerError,
)
from synapse_sdk.plugins.actions.to_task.context import ToTaskContext
from synapse_sdk.plugins.actions.to_task.enums import ToTaskEvent
from synapse_sdk.plugins.actions.to_task.log_messages import ToTaskLogMessageCode
from synapse_sdk.plugins.actions.to_task.serve_status import (
    FAILED_STATUSES,
    RUNNING,
    ServeBucket,
    ServeState,
    classify_serve_app,
    deployment_params,
    serve_rows,
)
from synapse_sdk.plugins.actions.to_task.steps.base import ToTaskStep
from synapse_sdk.plugins.steps import StepResult
from synapse_sdk.utils.network import sanitize_error_message
from synapse_sdk.wire.jobs import JobStatus

# While a server restarts, these are answers too: the next look tells more.
_PASSING = (ClientConnectionError, ClientTimeoutError, ServerError)


class PrepareStep(ToTaskStep):
    """Checks what the method needs; for inference, sees to it that a pre-processor is running."""

    step_name = "prepare"
    weight = 0.05

    def execute(self, context: ToTaskContext) -> StepResult:
        self._check_params(context)
        self._read_collection(context)
        if context.is_inference:
            release = self._read_release(context)
            self._ensure_pre_processor_running(context, release)
            if context.runtime_ctx.agent_client is not None:
                # One that does not exist fails the run here, not each of its tasks.
                context.client.get_model(context.wanted.model)
                context.is_agent_asked = bool((context.serve_app or {}).get("name"))
        return StepResult()

    def _check_params(self, context: ToTaskContext) -> None:
        params = context.wanted
        if not context.is_inference:
            if not params.target_specification_name:
                raise PreAnnotationError("target_specification_name is required for file method")
            return
        for name in ("pre_processor", "model", "agent"):
            if not getattr(params, name):
                raise PreAnnotationError(f"{name} is required for inference method")

    def _read_collection(self, context: ToTaskContext) -> None:
        project = _object(context.client.get_project(context.wanted.project), "project")
        collection_id = project.get("data_collection") or project.get("data_collection_id")
        if isinstance(collection_id, Mapping):
            collection_id = collection_id.get("id")
        if not collection_id:
            raise PreAnnotationError("Project does not have a data collection")
        collection = _object(context.client.get_data_collection(collection_id), "data collection")
        context.data_collection = collection
        if context.is_inference:
            return
        wanted = context.wanted.target_specification_name
        names = [row.get("name") for row in collection.get("file_specifications") or () if isinstance(row, Mapping)]
        if wanted not in names:
            raise PreAnnotationError(f"Target specification '{wanted}' not found in file specifications")

    def _read_release(self, context: ToTaskContext) -> Mapping[str, Any]:
        release = _object(context.client.get_plugin_release(context.wanted.pre_processor), "pre-processor")
        config = release.get("config")
        code = (config.get("code") if isinstance(config, Mapping) else None) or release.get("plugin_code")
        if not code or not isinstance(config, Mapping):
            raise PreAnnotationError("Invalid pre-processor configuration")
        context.pre_processor_code = str(code)
        context.pre_processor_version = release.get("version") or config.get("version")
        return release

    def _ensure_pre_processor_running(self, context: ToTaskContext, release: Mapping[str, Any]) -> None:
        """Detect a running pre-processor, or deploy one and wait for it.

        Raises:
            PreAnnotationError: It could not be deployed, failed, or did not become ready in time.
        """
        rows = self._list_apps(context)
        if self._settle(context, rows):
            return
        context.log_message(ToTaskLogMessageCode.TASK_DATA_PREPROCESSOR_DEPLOYING)
        actions = release["config"].get("actions") or {}
        inference = actions.get("inference") if isinstance(actions, Mapping) else None
        resources = inference.get("required_resources") if isinstance(inference, Mapping) else None
        body = {
            "agent": context.wanted.agent,
            "action": "deployment",
            "version": context.pre_processor_version,
            "params": deployment_params(resources),
        }
        body = {name: value for name, value in body.items() if value is not None}
        try:
            job = context.client.run_plugin(context.pre_processor_code, body)
        except ClientError as exc:
            # The message names the type alone; which resource falls short is for those who read the job's log.
            refusal = {"error_type": type(exc).__name__, "reason": sanitize_error_message(str(exc))}
            context.log(ToTaskEvent.DEPLOYMENT_REFUSED, refusal)
            raise PreAnnotationError(f"Pre-processor deployment dispatch failed ({type(exc).__name__})") from exc
        self._wait_for_pre_processor(context, job=job, stale=[row for row in rows if _is_dated_failure(row)])

    def _wait_for_pre_processor(
        self, context: ToTaskContext, *, job: Any = None, stale: list[Mapping[str, Any]] | None = None
    ) -> None:
        """Poll until the pre-processor runs.

        Args:
            context: The run.
            job: The deployment's run, whose failure ends the wait.
            stale: Failures of an earlier deployment: they say nothing about this one.

        Raises:
            PreAnnotationError: It reached a terminal state, or the time is over.
        """
        deadline = time.monotonic() + context.settings.timeout_seconds
        problem: ClientError | None = None
        while True:
            try:
                rows = [row for row in self._list_apps(context) if row not in (stale or ())]
                if self._settle(context, rows):
                    return
                state = self._classify_serve_app(rows)
                if state.bucket == ServeBucket.FAILED:
                    _fail_terminally(state.status)
                self._check_job(context, job)
                problem = None
            except _PASSING as exc:
                problem = exc
            left = deadline - time.monotonic()
            if left <= 0:
                raise PreAnnotationError("Pre-processor did not become ready within timeout") from problem
            time.sleep(min(context.settings.poll_interval_seconds, left))

    @staticmethod
    def _classify_serve_app(apps: Any) -> ServeState:
        """Which of running, failed and pending the applications amount to."""
        return classify_serve_app(apps)

    def _list_apps(self, context: ToTaskContext) -> list[Mapping[str, Any]]:
        params = {"plugin_code": context.pre_processor_code, "job__agent": context.wanted.agent}
        rows = serve_rows(context.client.list_serve_applications(params=params))
        # An application of another version would answer in this one's name.
        version = context.pre_processor_version
        return [row for row in rows if version is None or row.get("version") in (None, version)]

    def _settle(self, context: ToTaskContext, rows: list[Mapping[str, Any]]) -> bool:
        if self._classify_serve_app(rows).bucket != ServeBucket.RUNNING:
            return False
        context.serve_app = next(row for row in rows if str(row.get("status") or "").upper() == RUNNING)
        return True

    def _check_job(self, context: ToTaskContext, job: Any) -> None:
        """A deployment that ended in failure leaves no application to look at, as when it does not fit."""
        job_id = job.get("id") if isinstance(job, Mapping) else None
        if not isinstance(job_id, str):
            return
        row = context.client.get_job(job_id)
        status = str(row.get("status") or "").lower() if isinstance(row, Mapping) else ""
        if status in (JobStatus.FAILED, JobStatus.STOPPED):
            _fail_terminally("DEPLOY_FAILED", PreAnnotationError(f"The deployment's run {job_id} is {status}"))


def _fail_terminally(status: str | None, cause: Exception | None = None) -> None:
    message = f"Pre-processor deployment failed: serve application reached terminal state ({status})"
    raise PreAnnotationError(message) from cause


def _is_dated_failure(row: Mapping[str, Any]) -> bool:
    """Whether a failure can be told from the next one: only a row that says when it changed can."""
    return str(row.get("status") or "").upper() in FAILED_STATUSES and bool(row.get("changed") or row.get("updated"))


def _object(answer: Any, noun: str) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise PreAnnotationError(f"Invalid {noun} response")
    return answer
