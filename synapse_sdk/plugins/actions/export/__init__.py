"""Exports: annotations out of the platform, in any format, at any volume."""

from synapse_sdk.plugins.actions.export.action import BaseExportAction, DefaultExportAction, ExportAction
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.delegation import (
    DelegationDecision,
    DelegationReason,
    ExportSettings,
    decide_delegation,
)
from synapse_sdk.plugins.actions.export.enums import ExportEvent, ExportProgressCategories, ExportStatus
from synapse_sdk.plugins.actions.export.exporter import BaseExporter, ExporterRunAdapter
from synapse_sdk.plugins.actions.export.handlers import (
    AssignmentExportTargetHandler,
    ExportTargetHandler,
    GroundTruthExportTargetHandler,
    TargetHandlerFactory,
    TaskExportTargetHandler,
)
from synapse_sdk.plugins.actions.export.log_messages import ExportLogMessageCode
from synapse_sdk.plugins.actions.export.models import MetricsRecord
from synapse_sdk.plugins.actions.export.params import ExportParams

__all__ = [
    "AssignmentExportTargetHandler",
    "BaseExportAction",
    "BaseExporter",
    "DefaultExportAction",
    "DelegationDecision",
    "DelegationReason",
    "ExportAction",
    "ExportContext",
    "ExportEvent",
    "ExportLogMessageCode",
    "ExportParams",
    "ExportProgressCategories",
    "ExportSettings",
    "ExportStatus",
    "ExportTargetHandler",
    "ExporterRunAdapter",
    "GroundTruthExportTargetHandler",
    "MetricsRecord",
    "TargetHandlerFactory",
    "TaskExportTargetHandler",
    "decide_delegation",
]
