"""The second step: how many tasks there are, and where they will come from."""

from __future__ import annotations

from synapse_sdk.exceptions import PreAnnotationError
from synapse_sdk.plugins.actions.to_task.context import ToTaskContext
from synapse_sdk.plugins.actions.to_task.gateway.base import TaskGateway
from synapse_sdk.plugins.actions.to_task.gateway.single import SingleGateway
from synapse_sdk.plugins.actions.to_task.log_messages import ToTaskLogMessageCode
from synapse_sdk.plugins.actions.to_task.steps.base import ToTaskStep
from synapse_sdk.plugins.steps import StepResult


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
    params, size = context.wanted, context.settings.batch_size
    return SingleGateway(context.client, params.project, params.task_filters, size)
