"""The command: options become the parameters of the built-in export action, which runs in this process."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v1, open_v2
from synapse_sdk.cli.exporting.display import StepDisplay
from synapse_sdk.cli.exporting.notes import ExportNote
from synapse_sdk.cli.exporting.options import parse_filters, parse_split
from synapse_sdk.cli.exporting.resuming import ResumableExport, open_note
from synapse_sdk.cli.failures import EXIT_INTERRUPTED, UsageError, message_of
from synapse_sdk.cli.interrupt import interrupt_once
from synapse_sdk.cli.output import print_facts, print_json, say, warn
from synapse_sdk.cli.resources.projects import require_project
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ExportError, PluginValidationError, SynapseError, ValidationError
from synapse_sdk.plugins.actions.export import TargetHandlerFactory
from synapse_sdk.plugins.actions.export.enums import ExportProgressCategories
from synapse_sdk.plugins.actions.export.formats import ImageMode
from synapse_sdk.plugins.actions.export.handlers import PlatformHandler
from synapse_sdk.plugins.actions.export.output.record import RECORD_NAME
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.utils.converters import Format
from synapse_sdk.wire.bundle import ExportTarget

FormatOption = Annotated[Format | None, typer.Option("--format", help="coco, yolo, voc, csv or jsonl.")]
OutOption = Annotated[
    Path | None, typer.Option(file_okay=False, help="Folder in which the export's own folder is made.")
]
ProjectOption = Annotated[str | None, typer.Option(help="Name or id; needed for assignments and tasks.")]
TargetOption = Annotated[ExportTarget, typer.Option(help="What to export.")]
FilterOption = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="KEY=VALUE", help="Such as status_label=completed or ids=1,2,3. Repeatable."),
]
NameOption = Annotated[str | None, typer.Option(help="Name of the export's folder; PROJECT-FORMAT when absent.")]
TaskOption = Annotated[
    str | None, typer.Option(help="coco: detection, segmentation, keypoints. yolo: detect, segment, pose, obb.")
]
ImagesOption = Annotated[ImageMode, typer.Option(help="What becomes of the original images.")]
SplitOption = Annotated[
    str | None, typer.Option(help="Shares of train, val and test, such as 0.8,0.1,0.1, or `tag`: by the items' tags.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Fail when something cannot be carried, instead of listing it.")
]
InProcessOption = Annotated[
    bool, typer.Option("--in-process", help="Fetch the data from here; else the server gathers it.")
]
ResumeOption = Annotated[
    str | None,
    typer.Option(
        "--resume", metavar="ID", help="Go on with an export of this machine that broke off, by its job's id."
    ),
]
_BESIDE_RESUME = frozenset({"resume", "host", "token", "as_json"})


def export_command(
    ctx: typer.Context,
    *,
    fmt: FormatOption = None,
    out: OutOption = None,
    project: ProjectOption = None,
    target: TargetOption = ExportTarget.ASSIGNMENT,
    filters: FilterOption = None,
    name: NameOption = None,
    task: TaskOption = None,
    images: ImagesOption = ImageMode.COPY,
    split: SplitOption = None,
    is_strict: StrictOption = False,
    is_in_process: InProcessOption = False,
    resume: ResumeOption = None,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export annotations into a data set that trainers read, checked against the format's rules.

    An export never overwrites: a second one of the same name gets `name(1)`. What the format cannot carry is in
    loss_report.json. Ctrl-C removes what was written here (exit code 130) and says how to resume: the server goes on.
    """
    started = time.monotonic()
    with open_v1(host, token) as v1, open_v2(host, token) as v2:
        if resume is not None:
            _refuse_options_beside_resume(ctx)
            note = open_note(resume, v2)
            result, is_delegated = _run(note.params | {"resume_job": resume}, v1, v2, note)
        else:
            if fmt is None or out is None:
                raise UsageError(f"--{'format' if fmt is None else 'out'} is missing.")
            selection = parse_filters(filters or [])
            shares = parse_split(split)
            project_name, extra = _select_project(v2, project, target, selection)
            _check_selection(v1, target, selection)
            params = {
                "name": name or f"{project_name}-{fmt.value}",
                "target": target.value,
                "filter": selection,
                "extra_params": extra,
                "format": fmt,
                "out": out.resolve(),
                "images": images,
                "split": shares,
                "strict": is_strict,
                "options": {"task": task} if task else {},
                "disable_async_delegate": is_in_process or None,
            }
            result, is_delegated = _run(params, v1, v2)
    summary = _summary(result, is_delegated=is_delegated, seconds=time.monotonic() - started)
    _print_summary(summary, as_json=as_json)


def _refuse_options_beside_resume(ctx: typer.Context) -> None:
    given = [
        name
        for name in ctx.params
        if name not in _BESIDE_RESUME and getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if given:
        raise UsageError("--resume goes on with the options that the export was begun with; give no others.")


def _select_project(
    client: BackendV2Client, project: str | None, target: ExportTarget, selection: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Put the project into the selection; its name, and what the exporter should know besides."""
    if project is None:
        if target != ExportTarget.GROUND_TRUTH:
            raise UsageError(f"--project is missing: {target.value}s are exported from one project.")
        return target.value, {}
    found = require_project(client, project)
    if target == ExportTarget.GROUND_TRUTH:
        return found["name"], {"project_id": found["id"]}
    if "project" in selection:
        raise UsageError("Name the project with --project, not with --filter.")
    selection["project"] = found["id"]
    return found["name"], {}


def _check_selection(client: BackendClient, target: ExportTarget, selection: dict[str, Any]) -> None:
    """Ask the server to count: what it refuses is refused before anything is made.

    Raises:
        UsageError: A filter is missing, unknown, or has a value that it cannot have.
        ClientError: The server cannot be reached.
    """
    handler = TargetHandlerFactory.get_handler(target.value)
    try:
        handler.validate_filter(dict(selection), None)
        if isinstance(handler, PlatformHandler):
            handler.count(client, selection)
    except ValidationError as exc:
        raise UsageError(f"The server refused the filter. {message_of(exc)}") from exc
    except ValueError as exc:
        raise UsageError(str(exc)) from exc


def _run(
    params: dict[str, Any], v1: BackendClient, v2: BackendV2Client, note: ExportNote | None = None
) -> tuple[dict[str, Any], bool]:
    """Run the action; its result, and whether the server gathered the data."""
    notice = "Stopping: what was written here is removed."
    with StepDisplay() as display, interrupt_once(notice), warnings.catch_warnings():
        # The display says it in words of its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        context = RuntimeContext(
            logger=display, env=PluginEnvironment.from_environ(), client=v1, v2_client=v2, config={}
        )
        try:
            result = _run_action(ResumableExport.prepare(params, context, note))
        except PluginValidationError as exc:
            raise UsageError("; ".join(each["message"] for each in exc.details["errors"])) from exc
        is_delegated = display.get_progress(ExportProgressCategories.SERVER_EXPORT) is not None
    return result, is_delegated


def _run_action(action: ResumableExport) -> dict[str, Any]:
    try:
        result: dict[str, Any] = action.run()
    except KeyboardInterrupt as exc:
        say("Interrupted. Nothing is left of this export in its folder.")
        action.close(exc)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except (RuntimeError, ValueError, SynapseError) as exc:
        action.close(exc)
        if isinstance(exc, SynapseError):
            raise
        raise _failure(exc) from exc
    action.close(None)
    return result


def _failure(exc: Exception) -> SynapseError:
    """What a person should read of a failed step: its own error, not the orchestrator's words around it."""
    cause = exc.__cause__
    if isinstance(cause, SynapseError):
        return cause
    if isinstance(cause, OSError):
        return ExportError(f"{exc} ({cause.strerror or cause}).")
    return ExportError(str(exc))


def _summary(result: dict[str, Any], *, is_delegated: bool, seconds: float) -> dict[str, Any]:
    path = result.get("export_path")
    report = _read_record(path).get("report") or {}
    return {
        "path": path,
        "exported": result["exported_count"],
        "failed": result["failed_count"],
        "annotations": report.get("annotations", 0),
        "skipped_annotations": report.get("annotations_skipped", 0),
        "splits": {split: count for split, count in (report.get("splits") or {}).items() if split},
        "losses": report.get("losses", {}),
        "head": "delegated" if is_delegated else "in-process",
        "seconds": round(seconds, 2),
    }


def _read_record(path: str | None) -> dict[str, Any]:
    record = Path(path, RECORD_NAME) if path else None
    if record is None or not record.is_file():
        return {}
    facts: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return facts


def _print_summary(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
    else:
        splits = ", ".join(f"{name} {count:,}" for name, count in summary["splits"].items())
        facts = {
            "Path": summary["path"],
            "Items": f"{summary['exported']:,}",
            "Annotations": f"{summary['annotations']:,}",
            **({"Splits": splits} if splits else {}),
            "Left out": f"{summary['failed']:,} items, {summary['skipped_annotations']:,} annotations",
            "Data gathered": "by the server" if summary["head"] == "delegated" else "from here",
            "Seconds": f"{summary['seconds']:.1f}",
        }
        print_facts(facts)
    if not summary["exported"] + summary["failed"]:
        warn("Nothing matches the filter; the export is empty.")
    elif summary["losses"]:
        counts = ", ".join(f"{count} {code}" for code, count in summary["losses"].items())
        warn(f"Not everything could be carried ({counts}); loss_report.json lists it.")
