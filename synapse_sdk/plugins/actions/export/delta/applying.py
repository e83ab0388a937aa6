"""Brings an export up to date with a delta: a new export, byte for byte what a whole one would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synapse_sdk.plugins.actions.export.action import BaseExportAction
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.delta.images import MergedOriginals
from synapse_sdk.plugins.actions.export.delta.kept_items import KeptItems
from synapse_sdk.plugins.actions.export.delta.merged_items import MergedItems
from synapse_sdk.plugins.actions.export.delta.opened import OpenedExport
from synapse_sdk.plugins.actions.export.exporter import BaseExporter
from synapse_sdk.plugins.actions.export.formats.exporter import FormatExporter
from synapse_sdk.plugins.actions.export.formats.params import FormatExportParams, ImageMode
from synapse_sdk.plugins.actions.export.sources.bundle_items import RowHead
from synapse_sdk.plugins.actions.export.steps.base import ExportStep
from synapse_sdk.plugins.actions.export.steps.preparation import discard_output, prepare_exporter, prepare_output
from synapse_sdk.plugins.actions.export.steps.tail import ConvertDataStep, FinalizeStep, SaveFilesStep
from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.plugins.steps import StepRegistry, StepResult


class ApplyDeltaAction(BaseExportAction[FormatExportParams]):
    """Merges two exports of this machine; no server is asked.

    Args:
        old: An export that keeps its items.
        delta: What changed since.
        out: Folder in which the new export's own folder is made.
        ctx: The run's context; needs no client.
        name: Name of that folder; the older export's when None.
        strict: Fail when an item or annotation must be left out, such as one whose image is lost.

    Raises:
        ConfigurationError: The delta does not continue the export.
    """

    action_name = "apply_delta"

    def __init__(
        self,
        old: OpenedExport,
        delta: OpenedExport,
        out: Path,
        ctx: RuntimeContext,
        *,
        name: str | None = None,
        strict: bool = False,
    ) -> None:
        old.require_delta(delta)
        own = {"name": name or old.record["name"], "path": "", "out": out, "keep_items": True, "strict": strict}
        super().__init__(FormatExportParams(**{**delta.parameters(), **own}), ctx)
        self._old, self._delta = old, delta

    def create_context(self) -> ExportContext:
        """The context, with what the delta's record says in place of what a server would."""
        context = super().create_context()
        record = self._delta.record
        context.project_id, context.snapshot = record["project"], record["snapshot"]
        context.platform_version = (record.get("versions") or {}).get("platform")
        context.configuration = {"class_schema": record["class_schema"]}
        context.exporter_class = FormatExporter
        return context

    def setup_steps(self, registry: StepRegistry[ExportContext]) -> None:
        """Register one step that reads both exports, and the tail that every export has."""
        for step in (ReadExportsStep(self._old, self._delta), ConvertDataStep(), SaveFilesStep(), FinalizeStep()):
            registry.register(step)


class ReadExportsStep(ExportStep):
    """Opens both exports: counts the items that there will be, and merges their lines when they are read."""

    step_name = "read_exports"
    weight = 0.25

    def __init__(self, old: OpenedExport, delta: OpenedExport) -> None:
        self._old, self._delta = old, delta

    def execute(self, context: ExportContext) -> StepResult:
        prepare_output(context)
        context.kept_items = KeptItems(Path(str(context.unique_export_path)))
        items = MergedItems(
            self._old, self._delta, lambda name, head: self._image_path(context, name, head), context.kept_items
        )
        context.total_count, context.results = items.count(), items
        exporter = prepare_exporter(context, items, None)
        exporter.originals = MergedOriginals(context.runtime_ctx, context.settings)
        return StepResult(data={"total_count": context.total_count})

    def rollback(self, context: ExportContext, result: StepResult) -> None:  # noqa: ARG002 - the context knows.
        discard_output(context)

    @staticmethod
    def _image_path(context: ExportContext, name: str, head: RowHead) -> str | None:
        exporter: BaseExporter | None = context.exporter
        if not isinstance(exporter, FormatExporter) or context.params["images"] == ImageMode.NONE:
            return None
        unit_id = head.data_unit.id if head.data_unit else None
        return exporter.dataset.image_path(name, exporter.split_of(head.id, unit_id, head.tags or []))


def apply_delta(
    old: Path, delta: Path, out: Path, ctx: RuntimeContext, *, name: str | None = None
) -> dict[str, Any]:  # fmt: skip
    """Make a new export of an older one and a delta; both stay as they are.

    Args:
        old: Folder of an export that keeps its items.
        delta: Folder of an export with `since`.
        out: Folder in which the new export's own folder is made.
        ctx: The run's context; needs no client.
        name: Name of that folder; the older export's when None.

    Returns:
        `export_path`, and the counts of items.

    Raises:
        ConfigurationError: One is no finished export, or the delta does not continue the other.
        RuntimeError: A step failed; its exception is the cause.
    """
    result: dict[str, Any] = ApplyDeltaAction(
        OpenedExport.read(old), OpenedExport.read(delta), out, ctx, name=name
    ).run()
    return result
