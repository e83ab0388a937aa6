from synapse_sdk.plugins.steps.base import BaseStep, BaseStepContext, NamedStep, StepResult
from synapse_sdk.plugins.steps.orchestrator import Orchestrator
from synapse_sdk.plugins.steps.registry import StepRegistry
from synapse_sdk.plugins.steps.utils import LoggingStep, TimingStep, ValidationStep

__all__ = [
    "BaseStep",
    "BaseStepContext",
    "LoggingStep",
    "NamedStep",
    "Orchestrator",
    "StepRegistry",
    "StepResult",
    "TimingStep",
    "ValidationStep",
]
