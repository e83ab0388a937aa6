"""The nine steps of an export: two heads, of which one works, and the tail that they share."""

from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.steps.base import ExportStep, is_delegated
from synapse_sdk.plugins.actions.export.steps.delegated import (
    BundleReadStep,
    DelegateEnqueueStep,
    DelegateStreamProgressStep,
)
from synapse_sdk.plugins.actions.export.steps.in_process import FetchResultsStep, InitializeStep, PrepareExportStep
from synapse_sdk.plugins.actions.export.steps.tail import ConvertDataStep, FinalizeStep, SaveFilesStep
from synapse_sdk.plugins.steps import StepRegistry

__all__ = [
    "BundleReadStep",
    "ConvertDataStep",
    "DelegateEnqueueStep",
    "DelegateStreamProgressStep",
    "ExportStep",
    "FetchResultsStep",
    "FinalizeStep",
    "InitializeStep",
    "PrepareExportStep",
    "SaveFilesStep",
    "is_delegated",
    "register_export_steps",
]


def register_export_steps(registry: StepRegistry[ExportContext]) -> None:
    """Register the nine steps, always the same, in their order."""
    for step in (
        InitializeStep(),
        FetchResultsStep(),
        PrepareExportStep(),
        DelegateEnqueueStep(),
        DelegateStreamProgressStep(),
        BundleReadStep(),
        ConvertDataStep(),
        SaveFilesStep(),
        FinalizeStep(),
    ):
        registry.register(step)
