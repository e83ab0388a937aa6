"""The command: options become the parameters of the built-in export action, which runs in this process."""

from __future__ import annotations

import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v1, open_v2
from synapse_sdk.cli.exporting.display import StepDisplay
from synapse_sdk.cli.exporting.notes import ExportNote
from synapse_sdk.cli.exporting.options import parse_filters, parse_format_options, parse_split
from synapse_sdk.cli.exporting.resuming import ResumableExport, open_note
from synapse_sdk.cli.exporting.running import run_action
from synapse_sdk.cli.exporting.summary import print_summary, summarize
from synapse_sdk.cli.exporting.target import choose_name, choose_target
from synapse_sdk.cli.exporting.updating import delta_parameters, say_next
from synapse_sdk.cli.failures import UsageError, message_of
from synapse_sdk.cli.interrupt import interrupt_once
from synapse_sdk.cli.resources.projects import require_project
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import NotFoundError, PluginValidationError, ValidationError
from synapse_sdk.plugins.actions.export import TargetHandlerFactory
from synapse_sdk.plugins.actions.export.enums import ExportProgressCategories
from synapse_sdk.plugins.actions.export.formats import ImageMode
from synapse_sdk.plugins.actions.export.handlers import PlatformHandler
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.utils.converters import Format
from synapse_sdk.wire.bundle import ExportTarget

T = TypeVar("T")

FormatOption = Annotated[
    Format | None, typer.Option("--format", help="coco, yolo, voc, csv, jsonl, webdataset or parquet.")
]
OutOption = Annotated[
    Path | None, typer.Option(file_okay=False, help="Folder in which the export's own folder is made.")
]
StorageOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name or id of a storage that the export goes to, in place of --out.")
]
PathOption = Annotated[str, typer.Option(metavar="FOLDER", help="With --storage: the folder inside it.")]
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
    bool, typer.Option("--strict", help="Fail when an item or annotation must be left out, instead of listing it.")
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
SinceOption = Annotated[
    Path | None,
    typer.Option("--since", exists=True, file_okay=False, help="An export's folder: export only what changed since."),
]
KeepItemsOption = Annotated[
    bool, typer.Option("--keep-items", help="Keep what `apply-delta` needs to bring the export up to date.")
]
ShardItemsOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Images in one tar shard, of yolo, voc and webdataset. yolo and voc: 0 for single files; when absent, "
        "shards of 10,000 from 200,000 images on.",
    ),
]
ParallelismOption = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes that convert; one per core for a large export when absent.")
]
_BESIDE_RESUME = frozenset({"resume", "host", "token", "as_json"})
_BESIDE_SINCE = frozenset({"since", "out", "name", "host", "token", "as_json", "is_strict", "parallelism"})


def export_command(
    ctx: typer.Context,
    *,
    fmt: FormatOption = None,
    out: OutOption = None,
    storage: StorageOption = None,
    path: PathOption = "",
    project: ProjectOption = None,
    target: TargetOption = ExportTarget.ASSIGNMENT,
    filters: FilterOption = None,
    name: NameOption = None,
    task: TaskOption = None,
    images: ImagesOption = ImageMode.COPY,
    split: SplitOption = None,
    shard_items: ShardItemsOption = None,
    parallelism: ParallelismOption = None,
    is_strict: StrictOption = False,
    is_in_process: InProcessOption = False,
    since: SinceOption = None,
    keep_items: KeepItemsOption = False,
    resume: ResumeOption = None,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export annotations into a data set that trainers read, checked against the format's rules.

    An export never overwrites: a second one of the same name gets `name(1)`. What the format cannot carry is in
    loss_report.json. Ctrl-C removes what was written here (exit code 130) and says how to resume: the server goes on.

    Example: synapse export --project cars --format coco --out ./out --filter status_label=completed
    """
    with open_v1(host, token) as v1, open_v2(host, token) as v2:
        note = None
        if resume is not None:
            note, params = _resumed(ctx, v2, resume)
        elif since is not None:
            _refuse_others(ctx, _BESIDE_SINCE, "--since takes what to export, and how, from that export")
            params = delta_parameters(since, name=name, out=_given("out", out))
            params |= {"strict": is_strict, "parallelism": parallelism}
        else:
            chosen = _given("format", fmt)
            params = {
                "format": chosen,
                **choose_target(v2, out, storage, path),
                **_select(v1, v2, project=project, target=target, selection=parse_filters(filters or [])),
                **parse_format_options(chosen, task=task, shard_items=shard_items),
                "split": parse_split(split),
                "images": images,
                "keep_items": keep_items,
                "strict": is_strict,
                "parallelism": parallelism,
                "disable_async_delegate": is_in_process or None,
            }
            params["name"] = choose_name(name, f"{params['name']}-{chosen.value}")
        summary = _run(params, v1, v2, note)
    _tell(summary, since, as_json=as_json)


def _resumed(ctx: typer.Context, client: BackendV2Client, job_id: str) -> tuple[ExportNote, dict[str, Any]]:
    _refuse_others(ctx, _BESIDE_RESUME, "--resume goes on with the options that the export was begun with")
    note = open_note(job_id, client)
    return note, note.params | {"resume_job": job_id}


def _tell(summary: dict[str, Any], since: Path | None, *, as_json: bool) -> None:
    print_summary(summary, as_json=as_json)
    if since is not None:
        say_next(since, summary)


def _refuse_others(ctx: typer.Context, allowed: frozenset[str], reason: str) -> None:
    given = [
        each.opts[0]
        for each in ctx.command.params
        if each.name not in allowed and getattr(ctx.get_parameter_source(each.name or ""), "name", "") == "COMMANDLINE"
    ]
    if given:
        raise UsageError(f"{reason}; leave out {', '.join(given)}.")


def _given(option: str, value: T | None) -> T:
    if value is None:
        raise UsageError(f"--{option} is missing.")
    return value


def _select(
    v1: BackendClient, v2: BackendV2Client, *, project: str | None, target: ExportTarget, selection: dict[str, Any]
) -> dict[str, Any]:
    """What is exported, asked of the server before anything is made; the project's name stands for the export's."""
    name, extra = _select_project(v2, project, target, selection)
    _check_selection(v1, target, selection)
    return {"name": name, "target": target.value, "filter": selection, "extra_params": extra}


def _select_project(
    client: BackendV2Client, project: str | None, target: ExportTarget, selection: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Put the project into the selection; its name, and what the exporter should know besides."""
    if project is None:
        if target != ExportTarget.GROUND_TRUTH:
            raise UsageError(f"--project is missing: {target.value}s are exported from one project.")
        return target.value, _project_of(client, selection.get("ground_truth_dataset_version"))
    found = require_project(client, project)
    if target == ExportTarget.GROUND_TRUTH:
        return found["name"], {"project_id": found["id"]}
    if "project" in selection:
        raise UsageError("Name the project with --project, not with --filter.")
    selection["project"] = found["id"]
    return found["name"], {}


def _project_of(client: BackendV2Client, version: Any) -> dict[str, Any]:
    """The project of a released version, which the server needs to gather it."""
    if not isinstance(version, int):
        return {}
    # That there is none, or none for this token, is said where the selection is checked.
    with suppress(NotFoundError):
        dataset = client.ground_truth_dataset_versions.retrieve(version)["dataset_id"]
        return {"project_id": client.ground_truth_datasets.retrieve(dataset)["project_id"]}
    return {}


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
        hint = f"; give it as --filter {handler.required_filter}=ID." if isinstance(handler, PlatformHandler) else ""
        raise UsageError(f"{exc}{hint}") from exc


def _run(
    params: dict[str, Any], v1: BackendClient, v2: BackendV2Client, note: ExportNote | None = None
) -> dict[str, Any]:
    """Run the action; what it comes to."""
    started = time.monotonic()
    notice = "Stopping: what was written here is removed."
    with StepDisplay() as display, interrupt_once(notice) as interrupt, warnings.catch_warnings():
        # The display says it in words of its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        context = RuntimeContext(
            logger=display, env=PluginEnvironment.from_environ(), client=v1, v2_client=v2, config={}
        )
        try:
            action = ResumableExport.prepare(params, context, note, interrupt.held)
            result = run_action(action, action.close)
        except PluginValidationError as exc:
            raise UsageError("; ".join(each["message"].removesuffix(".") for each in exc.details["errors"])) from exc
        # Only what the server gathers can be gone on with.
        is_delegated = note is not None or display.get_progress(ExportProgressCategories.SERVER_EXPORT) is not None
    head = "delegated" if is_delegated else "in-process"
    return summarize(result, head=head, seconds=time.monotonic() - started)
