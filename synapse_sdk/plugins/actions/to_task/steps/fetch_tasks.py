"""The second step: how many tasks there are, and where they will come from."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import PreAnnotationError
from synapse_sdk.plugins.actions.to_task.context import ToTaskContext
from synapse_sdk.plugins.actions.to_task.gateway.base import TaskGateway
from synapse_sdk.plugins.actions.to_task.gateway.bulk import BulkGateway
from synapse_sdk.plugins.actions.to_task.gateway.single import SingleGateway
from synapse_sdk.plugins.actions.to_task.log_messages import ToTaskLogMessageCode
from synapse_sdk.plugins.actions.to_task.steps.base import ToTaskStep
from synapse_sdk.plugins.steps import StepResult

MAX_LABEL_CHARACTERS = 200


class FetchTasksStep(ToTaskStep):
    """Counts the tasks; they are fetched page by page while they are worked on."""

    step_name = "fetch_tasks"
    weight = 0.05

    def execute(self, context: ToTaskContext) -> StepResult:
        context.gateway = open_gateway(context)
        context.total_tasks = context.gateway.count()
        if not context.total_tasks:
            raise PreAnnotationError("No tasks found to annotate")
        context.log_message(
            ToTaskLogMessageCode.TASK_DATA_ANNOTATING, count=context.total_tasks, method=context.wanted.method.value
        )
        return StepResult(data={"total_tasks": context.total_tasks})


def open_gateway(context: ToTaskContext) -> TaskGateway:
    """In bulk with a server of ours; task by task with any other client."""
    params, size, client = context.wanted, context.settings.batch_size, context.client
    if not isinstance(client, BackendClient):
        return SingleGateway(client, params.project, params.task_filters, size)
    return BulkGateway(client, _run_facts(context), params.task_filters, size)


def _run_facts(context: ToTaskContext) -> dict[str, Any]:
    """What the server remembers of this run. A job that is started again goes on with the run that it has begun."""
    params = context.wanted
    facts: dict[str, Any] = {
        "id": context.runtime_ctx.job_id or str(uuid4()),
        "project": params.project,
        "method": params.method.value,
        "producer": context.producer[-MAX_LABEL_CHARACTERS:],
    }
    if context.is_inference:
        version = f"{context.pre_processor_code}@{context.pre_processor_version}"
        return facts | {"plugin_release": params.pre_processor, "model": params.model, "version": version}
    return facts | {"specification": params.target_specification_name}
