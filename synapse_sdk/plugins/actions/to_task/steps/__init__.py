"""The three steps of a pre-annotation."""

from synapse_sdk.plugins.actions.to_task.context import ToTaskContext
from synapse_sdk.plugins.actions.to_task.steps.annotate_task_data import AnnotateTaskDataStep
from synapse_sdk.plugins.actions.to_task.steps.base import ToTaskStep
from synapse_sdk.plugins.actions.to_task.steps.fetch_tasks import FetchTasksStep
from synapse_sdk.plugins.actions.to_task.steps.prepare import PrepareStep
from synapse_sdk.plugins.steps import StepRegistry

__all__ = ["AnnotateTaskDataStep", "FetchTasksStep", "PrepareStep", "ToTaskStep", "register_to_task_steps"]


def register_to_task_steps(registry: StepRegistry[ToTaskContext]) -> None:
    """Register the steps, always the same, in their order."""
    for step in (PrepareStep(), FetchTasksStep(), AnnotateTaskDataStep()):
        registry.register(step)
