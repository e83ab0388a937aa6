"""The first head: this process asks the server for ids, then for rows. Deprecated, and kept for where it must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse_sdk.plugins.actions._v2_switch import use_v2
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.enums import ExportProgressCategories
from synapse_sdk.plugins.actions.export.handlers import ExportTargetHandler
from synapse_sdk.plugins.actions.export.log_messages import ExportLogMessageCode
from synapse_sdk.plugins.actions.export.steps.base import ExportStep, is_delegated
from synapse_sdk.plugins.actions.export.steps.preparation import discard_output, prepare_exporter, prepare_output
from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.plugins.steps import StepResult


class InitializeStep(ExportStep):
    """Opens the target and makes the export's folder."""

    step_name = "initialize"
    weight = 0.05

    def can_skip(self, context: ExportContext) -> bool:
        return is_delegated(context)

    def execute(self, context: ExportContext) -> StepResult:
        prepare_output(context)
        context.log_message(ExportLogMessageCode.EXPORT_INITIALIZED)
        return StepResult(rollback_data={"unique_export_path": str(context.unique_export_path)})

    def rollback(self, context: ExportContext, result: StepResult) -> None:  # noqa: ARG002 - the context knows.
        discard_output(context)


class FetchResultsStep(ExportStep):
    """Asks for the rows: ids now, data when they are read."""

    step_name = "fetch_results"
    weight = 0.10

    def can_skip(self, context: ExportContext) -> bool:
        return is_delegated(context)

    def execute(self, context: ExportContext) -> StepResult:
        filters = dict(context.params.get("filter") or {})
        context.set_progress(0, 1, ExportProgressCategories.FETCH)
        if context.handler is not None:
            context.handler.report = _reporter(context)
        if context.fetch is None:
            raise RuntimeError("The export has no source: override get_filtered_results()")
        context.results, context.total_count = context.fetch(filters)
        context.set_progress(1, 1, ExportProgressCategories.FETCH)
        code = ExportLogMessageCode.EXPORT_RESULTS_FETCHED
        context.log_message(
            code if context.total_count else ExportLogMessageCode.EXPORT_NO_RESULTS, count=context.total_count
        )
        return StepResult(data={"total_count": context.total_count})


class PrepareExportStep(ExportStep):
    """Makes the exporter, and items out of the rows."""

    step_name = "prepare_export"
    weight = 0.10

    def can_skip(self, context: ExportContext) -> bool:
        return is_delegated(context)

    def execute(self, context: ExportContext) -> StepResult:
        handler = context.handler
        items = handler.get_export_item(context.results) if handler is not None else context.results
        prepare_exporter(context, items, _refresher(context, handler))
        return StepResult()


def source_client(ctx: RuntimeContext) -> Any:
    """The client that rows are fetched with.

    Raises:
        RuntimeError: There is none.
    """
    client = ctx.v2_client if use_v2(ctx, "export") else ctx.client
    if client is None:
        raise RuntimeError("No client in runtime context: log in, or override get_filtered_results()")
    return client


def _reporter(context: ExportContext) -> Any:
    expected = context.delegation_decision.count if context.delegation_decision else None

    def report(found: int) -> None:
        if expected is not None and found < expected:
            context.set_progress(found, expected, ExportProgressCategories.FETCH)

    return report


def _refresher(context: ExportContext, handler: ExportTargetHandler | None) -> Any:
    refetch = getattr(handler, "refetch_files", None)
    if refetch is None:
        return None

    def refresh(item_id: Any, file: Mapping[str, Any]) -> Mapping[str, Any] | None:
        item = refetch(source_client(context.runtime_ctx), item_id)
        files: dict[str, Mapping[str, Any]] = (item or {}).get("data_unit", {}).get("files", {})
        return files.get(file.get("specification", ""))

    return refresh
