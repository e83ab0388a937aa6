"""The shared tail: the same three steps, on the same items, whichever head gathered them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from synapse_sdk.exceptions import ExportError
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.delta.kept_items import KeptFacts
from synapse_sdk.plugins.actions.export.enums import ExportEvent
from synapse_sdk.plugins.actions.export.exporter import BaseExporter
from synapse_sdk.plugins.actions.export.log_messages import ExportLogMessageCode as Code
from synapse_sdk.plugins.actions.export.output.partial import unmark
from synapse_sdk.plugins.actions.export.output.record import save_record
from synapse_sdk.plugins.actions.export.steps.base import ExportStep
from synapse_sdk.plugins.steps import StepResult


class ConvertDataStep(ExportStep):
    """Sets up the conversion; each item is converted when it is saved, so that none waits in memory."""

    step_name = "convert_data"
    weight = 0.30

    def can_skip(self, context: ExportContext) -> bool:
        return context.total_count == 0

    def execute(self, context: ExportContext) -> StepResult:
        context.log_message(Code.EXPORT_CONVERTING, count=context.total_count)
        context.converted_items = _exporter(context).convert_items(context.export_items or ())
        return StepResult()


class SaveFilesStep(ExportStep):
    """Draws the items through the conversion and writes them."""

    step_name = "save_files"
    weight = 0.35

    def can_skip(self, context: ExportContext) -> bool:
        return context.total_count == 0 or context.converted_items is None

    def execute(self, context: ExportContext) -> StepResult:
        exporter = _exporter(context)
        context.log_message(Code.EXPORT_SAVING_FILES, count=context.total_count)
        exporter.save_items(context.converted_items or (), context.unique_export_path)
        context.exported_count, context.failed_count = exporter.data_metrics.success, exporter.data_metrics.failed
        context.errors_json, context.errors_original = exporter.errors_json, exporter.errors_original
        context.log_message(Code.EXPORT_CONVERTED, count=exporter.digest.count)
        if context.failed_count:
            code = Code.EXPORT_FILES_SAVED_WITH_FAILURES
            context.log_message(code, success=context.exported_count, failed=context.failed_count)
        else:
            context.log_message(Code.EXPORT_FILES_SAVED, count=context.exported_count)
        if missing := getattr(context.handler, "missing_count", 0):
            context.log_message(Code.EXPORT_ROWS_MISSING, count=missing)
        return StepResult(data={"exported_count": context.exported_count, "failed_count": context.failed_count})


class FinalizeStep(ExportStep):
    """Writes what belongs to the export as a whole, and its record."""

    step_name = "finalize"
    weight = 0.10

    def execute(self, context: ExportContext) -> StepResult:
        exporter, folder = _exporter(context), context.unique_export_path
        exporter.additional_file_saving(folder)
        exporter._save_error_list(folder, exporter.errors_json, exporter.errors_original)  # noqa: SLF001 - its own template.
        kept = context.kept_items.close() if context.kept_items is not None else None
        record = _record(context, exporter, kept)
        context.report = record.get("report")
        save_record(folder, record, exporter.checksums())
        # Killed between mark and note, a complete export would be there twice when it is resumed.
        if not context.is_noted:
            unmark(folder)
        context.output_path = str(context.path_root)
        context.log(
            ExportEvent.COMPLETED,
            {"exported_count": context.exported_count, "failed_count": context.failed_count, "path": str(folder)},
        )
        if context.failed_count:
            code = Code.EXPORT_COMPLETED_WITH_FAILURES
            context.log_message(code, exported=context.exported_count, failed=context.failed_count)
        else:
            context.log_message(Code.EXPORT_COMPLETED, count=context.exported_count)
        return StepResult(data={"output_path": context.output_path, "export_path": str(folder)})


def _exporter(context: ExportContext) -> BaseExporter:
    if context.exporter is None:
        raise ExportError("The export has no exporter: neither head has prepared one.")
    return context.exporter


def _record(context: ExportContext, exporter: BaseExporter, kept: KeptFacts | None) -> dict[str, Any]:
    params = context.params
    return {
        "name": params.get("name"),
        "target": str(params.get("target")),
        "filter": params.get("filter") or {},
        "project": context.project_id,
        "snapshot": context.snapshot,
        "since": context.since,
        "kept_items": asdict(kept) if kept is not None else None,
        "save_original_file": exporter.saves_originals,
        "counts": {
            "items": exporter.digest.count,
            "data_file": exporter.data_metrics.to_dict(),
            "original_file": exporter.original_metrics.to_dict(),
        },
        "items_sha256": exporter.digest.hexdigest(),
        "versions": {
            **context.plugin,
            "plugin": context.plugin.get("plugin") or exporter.built_in_code,
            "platform": context.platform_version,
        },
        **exporter.record_facts(),
    }
