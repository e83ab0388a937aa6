"""`--since`, and `synapse apply-delta`: exports of what changed."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from synapse_sdk.cli.connection import JsonOption
from synapse_sdk.cli.exporting.display import StepDisplay
from synapse_sdk.cli.exporting.running import run_action
from synapse_sdk.cli.exporting.summary import print_summary, summarize
from synapse_sdk.cli.exporting.target import choose_folder, choose_name
from synapse_sdk.cli.interrupt import interrupt_once
from synapse_sdk.cli.output import say
from synapse_sdk.plugins.actions.export.delta.applying import ApplyDeltaAction
from synapse_sdk.plugins.actions.export.delta.opened import OpenedExport
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext

FolderArgument = Annotated[Path, typer.Argument(exists=True, file_okay=False)]


def delta_parameters(folder: Path, *, name: str | None, out: Path) -> dict[str, Any]:
    """Parameters of the export that tells what changed since another.

    Args:
        folder: The other export.
        name: Name of the new one's folder.
        out: Where that folder is made.

    Raises:
        ConfigurationError: The folder holds no finished export, or not one that shows a known moment.
        UsageError: The name is not one, or `out` is an export.
    """
    old = OpenedExport.read(folder)
    if old.record.get("kept_items") is None:
        say(f"{folder} was exported without --keep-items: this tells what changed, but cannot be applied to it.")
    name = choose_name(name, f"{old.record['name']}-delta")
    own = {"since": old.snapshot, "name": name, "out": choose_folder(out)}
    return {**old.parameters(), **own}


def say_next(folder: Path, summary: dict[str, Any]) -> None:
    """Say how an export is brought up to date with a delta, where it can be and there is something to apply.

    Args:
        folder: The export.
        summary: That of the delta.
    """
    old = OpenedExport.read(folder)
    if not summary["exported"] + summary["failed"] + summary["deleted"]:
        say(f"Nothing has changed: {folder} is up to date.")
        return
    if old.record.get("kept_items") is None:
        return
    if old.is_delta:
        say(f"{folder} is a delta, too: apply it first, and {summary['path']} to what that makes.")
        return
    both = f"{shlex.quote(str(folder))} {shlex.quote(summary['path'])}"
    say(f"Apply it with: synapse apply-delta {both} --out FOLDER")


def apply_delta_command(
    old: FolderArgument,
    delta: FolderArgument,
    *,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder in which the new export's own folder is made.")],
    name: Annotated[str | None, typer.Option(help="Name of that folder; the older export's when absent.")] = None,
    is_strict: Annotated[
        bool, typer.Option("--strict", help="Fail when an item or annotation must be left out, such as a lost image.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring an export up to date with a delta: OLD and DELTA make a new export, the same as a whole one.

    OLD was exported with --keep-items, DELTA with --since OLD. Both stay as they are; no server is needed.

    Example: synapse apply-delta ./out/cars-coco ./out/cars-coco-delta --out ./now
    """
    started = time.monotonic()
    with StepDisplay() as display, interrupt_once("Stopping: what was written here is removed."):
        context = RuntimeContext(logger=display, env=PluginEnvironment.from_environ(), config={})
        both = OpenedExport.read(old), OpenedExport.read(delta)
        name = choose_name(name, both[0].record["name"])
        action = ApplyDeltaAction(*both, choose_folder(out), context, name=name, strict=is_strict)
        result = run_action(action)
    print_summary(summarize(result, head="merged", seconds=time.monotonic() - started), as_json=as_json)
