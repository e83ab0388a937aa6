"""One inference: straight to the application where its agent can be asked, else through the server, which knows it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from synapse_sdk.exceptions import NotFoundError, PreAnnotationError
from synapse_sdk.plugins.actions.to_task.context import ToTaskContext
from synapse_sdk.wire.jobs import JobStatus

NO_DATA = "Inference returned no data"
_WAITING = (JobStatus.PENDING, JobStatus.RUNNING)
_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.05, 2.0


def infer(context: ToTaskContext, primary_url: str) -> Any:
    """What the pre-processor answers about one file.

    Raises:
        PreAnnotationError: It answered nothing.
        ClientError: It could not be asked.
    """
    question = {**context.wanted.pre_processor_params, "image_path": primary_url}
    answer = _ask_agent(context, question) if context.is_agent_asked else _ask_server(context, question)
    if answer is None:
        raise PreAnnotationError(NO_DATA)
    return answer


def _ask_agent(context: ToTaskContext, question: Mapping[str, Any]) -> Any:
    agent, model = context.runtime_ctx.agent_client, context.wanted.model
    assert agent is not None
    assert context.serve_app is not None
    try:
        # The model's address is signed for a while only, and a run may take longer.
        return agent.infer_serve_application(
            context.serve_app["name"],
            find_model=(str(model), partial(context.client.get_model, model)),
            method="post",
            json=question,
        )
    except NotFoundError:
        # The agent that runs this may be another one than the agent that serves: the server knows both.
        answer = _ask_server(context, question)
        context.is_agent_asked = False
        return answer


def _ask_server(context: ToTaskContext, question: Mapping[str, Any]) -> Any:
    params = context.wanted
    body = {
        "agent": params.agent,
        "action": "inference",
        "version": context.pre_processor_version,
        "params": {"model": params.model, "method": "post", "json": dict(question)},
    }
    answer = context.client.run_plugin(context.pre_processor_code, body)
    return _result_of(context, answer) if _is_run(answer) else answer


def _is_run(answer: Any) -> bool:
    """Whether the server started a run rather than answering."""
    return isinstance(answer, Mapping) and isinstance(answer.get("id"), str) and "progress_record" in answer


def _result_of(context: ToTaskContext, run: Mapping[str, Any]) -> Any:
    deadline = time.monotonic() + context.settings.timeout_seconds
    pause = _FIRST_POLL_SECONDS
    while str(run.get("status") or "").lower() in _WAITING:
        if time.monotonic() > deadline:
            raise PreAnnotationError(f"Inference run {run['id']} did not end in time")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_POLL_SECONDS)
        run = context.client.get_job(run["id"])
    if str(run.get("status") or "").lower() != JobStatus.SUCCEEDED:
        raise PreAnnotationError(f"Inference run {run['id']} ended as {run.get('status')}")
    return run.get("result")
