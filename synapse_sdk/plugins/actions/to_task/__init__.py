"""Pre-annotation: annotations into tasks before people touch them, from files or from a model."""

from synapse_sdk.plugins.actions.to_task.action import ToTaskAction
from synapse_sdk.plugins.actions.to_task.context import ToTaskContext
from synapse_sdk.plugins.actions.to_task.enums import ToTaskEvent, ToTaskProgressCategories
from synapse_sdk.plugins.actions.to_task.file_formats import FileToTaskAction
from synapse_sdk.plugins.actions.to_task.log_messages import ToTaskLogMessageCode
from synapse_sdk.plugins.actions.to_task.models import TaskFailure, ToTaskResult
from synapse_sdk.plugins.actions.to_task.params import ToTaskMethod, ToTaskParams
from synapse_sdk.plugins.actions.to_task.settings import ToTaskSettings
from synapse_sdk.plugins.actions.to_task.steps import PrepareStep

__all__ = [
    "FileToTaskAction",
    "PrepareStep",
    "TaskFailure",
    "ToTaskAction",
    "ToTaskContext",
    "ToTaskEvent",
    "ToTaskLogMessageCode",
    "ToTaskMethod",
    "ToTaskParams",
    "ToTaskProgressCategories",
    "ToTaskResult",
    "ToTaskSettings",
]
