from synapse_sdk.plugins.models.logger import ActionProgress, LogLevel, PipelineProgress
from synapse_sdk.plugins.models.pipeline import ActionStatus, RunStatus
from synapse_sdk.plugins.models.release import PluginRelease

__all__ = ["ActionProgress", "ActionStatus", "LogLevel", "PipelineProgress", "PluginRelease", "RunStatus"]
