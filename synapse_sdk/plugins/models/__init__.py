from synapse_sdk.plugins.models.logger import ActionProgress, LogLevel, PipelineProgress
from synapse_sdk.plugins.models.pipeline import ActionStatus, RunStatus

__all__ = ["ActionProgress", "ActionStatus", "LogLevel", "PipelineProgress", "RunStatus"]
