"""The process that converts one export: `python -m web_helper.backend.jobs.conversion.child`.

It runs the same action as `synapse export`, against the server, with a key of its own. Its order is the first line of
standard input; what it tells are lines of JSON on standard output. The other end of standard input is held by the
worker: when that ends, however it ends, this process must not go on writing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import warnings
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from synapse_sdk.cli.failures import message_of
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import StorageError, SynapseError
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.formats import FormatExportAction, FormatExportParams
from synapse_sdk.plugins.actions.export.formats.exporter import LOSS_REPORT_NAME, VALIDATION_REPORT_NAME
from synapse_sdk.plugins.actions.export.steps import ExportStep, is_delegated
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.plugins.steps import StepRegistry, StepResult
from synapse_sdk.utils.validation import validate_params
from synapse_sdk.wire.dataset_exports import DatasetReport, LossEntry
from web_helper.backend.jobs.conversion.step_reporter import StepReporter
from web_helper.backend.jobs.failures import describe_failure

# The archive has all of them.
SHOWN_LOSSES = 50
SHOWN_FINDINGS = 20


class TellJobStep(ExportStep):
    """Tells which job gathers the rows: whoever goes on with this export takes its bundle."""

    step_name = "tell_job"
    weight = 0.0

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def can_skip(self, context: ExportContext) -> bool:
        return not is_delegated(context) or context.job_id is None

    def execute(self, context: ExportContext) -> StepResult:
        # From here on a failure leaves the job to the server.
        context.is_resumable = True
        _tell(self._output, bundle_job=context.job_id)
        return StepResult()


class ChildExport(FormatExportAction):
    """The built-in export, which tells how it goes."""

    def __init__(self, params: FormatExportParams, ctx: RuntimeContext, reporter: StepReporter, output: TextIO) -> None:
        super().__init__(params, ctx)
        self._reporter, self._output = reporter, output

    def create_context(self) -> ExportContext:
        """The context, which the reporter asks which steps were skipped."""
        self._reporter.context = context = super().create_context()
        return context

    def setup_steps(self, registry: StepRegistry[ExportContext]) -> None:
        """Register the nine steps, and at their end the one that tells the job."""
        super().setup_steps(registry)
        registry.insert_after("delegate_enqueue", TellJobStep(self._output))


def main() -> None:
    """Convert what the order says."""
    output = sys.stdout
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_worker, args=(sys.stdin,), daemon=True).start()
    warnings.simplefilter("ignore", DeprecationWarning)
    reporter = StepReporter(lambda steps: _tell(output, steps=steps))
    try:
        result = _convert(order, reporter, output)
    except (RuntimeError, ValueError, SynapseError, OSError) as exc:
        reporter.fail()
        _tell(output, failed=_without_folder(_describe(exc), order["params"]))
        return
    _tell(output, folder=result["export_path"], report=_report(result))


def _convert(order: dict[str, Any], reporter: StepReporter, output: TextIO) -> dict[str, Any]:
    host, key = order["host"], order["key"]
    with BackendClient(host, key) as v1, BackendV2Client(host, access_token=key) as v2:
        context = RuntimeContext(
            logger=reporter, env=PluginEnvironment.from_environ(), client=v1, v2_client=v2, config={}
        )
        params = validate_params(FormatExportParams, order["params"], context={"client": v1, "action": "export"})
        result: dict[str, Any] = ChildExport(params, context, reporter, output).run()
        return result


def _report(result: dict[str, Any]) -> dict[str, Any]:
    folder = Path(result["export_path"])
    validation = json.loads((folder / VALIDATION_REPORT_NAME).read_bytes())
    for kind in ("errors", "warnings"):
        findings = validation.get(kind, [])[:SHOWN_FINDINGS]
        validation[kind] = [{**each, "path": each["path"].removeprefix(f"{folder}/")} for each in findings]
    report = DatasetReport(
        exported=result["exported_count"],
        failed=result["failed_count"],
        writer=result.get("report") or {},
        validation=validation,
        losses=_first_losses(folder / LOSS_REPORT_NAME),
    )
    return report.model_dump(mode="json")


def _first_losses(path: Path) -> list[LossEntry]:
    """The first entries, each of which has a line of its own; the report of a large export does not fit into memory."""
    with path.open(encoding="utf-8") as lines:
        next(lines)
        entries = (line.rstrip(",\n") for line in islice(lines, SHOWN_LOSSES))
        return [LossEntry.model_validate_json(entry) for entry in entries if entry.startswith("{")]


def _describe(error: Exception) -> str:
    """What a person should read: the step's own error, not the orchestrator's words around it."""
    cause = error if isinstance(error, SynapseError) else error.__cause__ or error
    if isinstance(cause, SynapseError) and not isinstance(cause, StorageError | OSError):
        return message_of(cause)
    return describe_failure(cause if isinstance(cause, Exception) else error)


def _without_folder(message: str, params: dict[str, Any]) -> str:
    """Files are named as they are in the export: where it lies in the meantime is nobody's business."""
    out = params["out"]
    return message.replace(f"{out}/{params['name']}/", "").replace(f"{out}/", "")


def _tell(output: TextIO, **facts: Any) -> None:
    output.write(json.dumps(facts) + "\n")
    output.flush()


def _end_with_worker(lines: TextIO) -> None:
    lines.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
