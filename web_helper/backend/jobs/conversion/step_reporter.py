"""How far each step of an export is, as records that can be sent; told when something changed, a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from synapse_sdk.loggers import BaseLogger, LogEntry, ProgressData
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.enums import ExportProgressCategories
from synapse_sdk.plugins.actions.export.steps import register_export_steps
from synapse_sdk.plugins.steps import StepRegistry
from synapse_sdk.wire.dataset_exports import StepProgress, StepStatus

# What steps report their items under, where it is not their own name.
_STEP_OF = {
    ExportProgressCategories.FETCH: "fetch_results",
    ExportProgressCategories.SERVER_EXPORT: "delegate_stream_progress",
    ExportProgressCategories.DATASET_CONVERSION: "convert_data",
}
_TELL_SECONDS = 0.2
_WHOLE = 100.0


def step_names() -> list[str]:
    """The nine steps, in their order."""
    registry: StepRegistry[ExportContext] = StepRegistry()
    register_export_steps(registry)
    return [step.name for step in registry.get_steps()]


class StepReporter(BaseLogger):
    """Keeps the record of each step.

    `convert_data` only sets the conversion up; each item is converted when `save_files` asks for it. So it is shown as
    running until all are saved.

    Args:
        tell: Called with the records.
    """

    def __init__(self, tell: Callable[[list[dict[str, Any]]], None]) -> None:
        super().__init__()
        self.context: ExportContext | None = None
        self._tell = tell
        self._told = 0.0
        self._counts = (0, 0)
        self._results = 0
        self._steps = {name: StepProgress(name=name) for name in step_names()}

    def set_step(self, step: str | None) -> None:
        """Name the step that is running."""
        super().set_step(step)
        self._results = len(self.context.step_results) if self.context is not None else 0
        if step in self._steps:
            self._steps[step].status = StepStatus.RUNNING
            self._send()

    def set_progress(self, current: int, total: int, step: str | None = None, *, category: str | None = None) -> None:
        """Report that `current` of `total` items are done."""
        self._counts = (current, total)
        super().set_progress(current, total, step, category=category)

    def fail(self) -> None:
        """The step that is running has failed."""
        for record in self._steps.values():
            if record.status is StepStatus.RUNNING:
                record.status = StepStatus.FAILED
        self._send()

    def _write_log(self, entry: LogEntry) -> None:
        """What happened is told by the steps and by the end."""

    def _write_metrics(self, step: str, metrics: dict[str, Any]) -> None:
        """Counts are in the report."""

    def _write_progress(self, step: str, progress: ProgressData) -> None:
        record = self._steps.get(_STEP_OF.get(step, step))
        if record is None:
            return
        is_end_of_step = step == record.name == self.get_step() and self._counts == (1, 1)
        if progress.status == StepStatus.FAILED:
            record.status = StepStatus.FAILED
        elif is_end_of_step and self._has_ended(record.name):
            self._end(record)
        elif not (is_end_of_step and record.name == "convert_data"):
            record.percent = progress.percent
            record.current, record.total = self._counts
            record.rate, record.seconds_remaining = progress.rate, progress.time_remaining
            if time.monotonic() - self._told >= _TELL_SECONDS:
                self._send()

    def _has_ended(self, name: str) -> bool:
        """Whether this is the orchestrator's word that the step is over; one item of one is reported the same way."""
        results = self.context.step_results if self.context is not None else []
        return len(results) > self._results and (name != "convert_data" or results[-1].skipped)

    def _end(self, record: StepProgress) -> None:
        is_skipped = self.context is not None and self.context.step_results[-1].skipped
        self._finish(record, StepStatus.SKIPPED if is_skipped else StepStatus.DONE)
        converting = self._steps["convert_data"]
        if record.name == "save_files" and converting.status is StepStatus.RUNNING:
            self._finish(converting, StepStatus.DONE)
        self._send()

    @staticmethod
    def _finish(record: StepProgress, status: StepStatus) -> None:
        record.status, record.percent, record.seconds_remaining = status, _WHOLE, None

    def _send(self) -> None:
        self._told = time.monotonic()
        self._tell([record.model_dump(mode="json") for record in self._steps.values()])
