"""Names that plugin authors import; loaded on first use, because loading them here would close an import cycle."""
# ruff: noqa: F401 - the imports are for type checkers; at run time `__getattr__` finds the names.

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_sdk.plugins.action import BaseAction, NoResult, validate_result
    from synapse_sdk.plugins.actions.export import BaseExportAction, BaseExporter, ExportAction, ExportContext
    from synapse_sdk.plugins.actions.inference import (
        BaseDeploymentAction,
        BaseInferenceAction,
        BaseServeDeployment,
        DeploymentContext,
        InferenceContext,
    )
    from synapse_sdk.plugins.actions.to_task import ToTaskAction, ToTaskParams, ToTaskResult
    from synapse_sdk.plugins.actions.train import BaseTrainAction, BaseTrainParams, TrainContext
    from synapse_sdk.plugins.actions.upload import BaseUploadAction, UploadContext, UploadParams
    from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
    from synapse_sdk.plugins.enums import ExecutionMode, LogLevel, PackageManager, PluginCategory, RunMethod
    from synapse_sdk.plugins.log_messages import LogMessageCode, register_log_messages
    from synapse_sdk.plugins.pipelines import ActionPipeline, PipelineContext, SchemaIncompatibleError
    from synapse_sdk.plugins.runner import run_plugin
    from synapse_sdk.plugins.steps import BaseStep, BaseStepContext, Orchestrator, StepRegistry, StepResult

_HOMES = {
    "action": ("BaseAction", "NoResult", "validate_result"),
    "actions.export": ("BaseExportAction", "BaseExporter", "ExportAction", "ExportContext"),
    "actions.inference": (
        "BaseDeploymentAction",
        "BaseInferenceAction",
        "BaseServeDeployment",
        "DeploymentContext",
        "InferenceContext",
    ),
    "actions.to_task": ("ToTaskAction", "ToTaskParams", "ToTaskResult"),
    "actions.train": ("BaseTrainAction", "BaseTrainParams", "TrainContext"),
    "actions.upload": ("BaseUploadAction", "UploadContext", "UploadParams"),
    "context": ("PluginEnvironment", "RuntimeContext"),
    "enums": ("ExecutionMode", "LogLevel", "PackageManager", "PluginCategory", "RunMethod"),
    "log_messages": ("LogMessageCode", "register_log_messages"),
    "pipelines": ("ActionPipeline", "PipelineContext", "SchemaIncompatibleError"),
    "runner": ("run_plugin",),
    "steps": ("BaseStep", "BaseStepContext", "Orchestrator", "StepRegistry", "StepResult"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME_OF)
