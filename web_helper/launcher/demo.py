"""The demo: what a user would type, typed for them, with the time and the outcome of each command."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import SynapseError
from synapse_sdk.utils.auth import read_env
from web_helper.launcher.photographs import PHOTOGRAPHS, write_photographs
from web_helper.launcher.platform import Platform
from web_helper.launcher.third_party import READERS, Accepted, accept

PROJECT = "photographs"
SEGMENTER = "classical-segmenter"
MODEL = "classical"
# Smaller regions are specks; in square pixels.
MIN_AREA = 100
COMMAND_SECONDS = 300.0


class DemoError(SynapseError, RuntimeError):
    """A command of the demo failed, or other software counted something else than we did."""

    code = "DEMO_FAILED"


class DemoRow(msgspec.Struct, frozen=True):
    """One line of the demo's table."""

    step: str
    images: int
    objects: int
    classes: int
    seconds: float
    path: str
    note: str = ""


def run_demo(platform: Platform, console: Console) -> list[DemoRow]:
    """Photographs → project → a model finds their objects → three exports, each read again by software not ours.

    Raises:
        DemoError: Something did not work; the message says which command.
    """
    folder = work_folder(platform)
    shutil.rmtree(folder, ignore_errors=True)
    shell = Shell({"SYNAPSE_HOST": platform.url, "SYNAPSE_ACCESS_TOKEN": platform.token}, console)
    project, imported = _import(folder / "photographs", shell)
    rows = [imported, _publish(shell), _pre_annotate(project, shell)]
    for fmt in READERS:
        rows.extend(_export(fmt, folder / "exports", shell))
    _compare([row for row in rows if row.objects])
    return rows


def work_folder(platform: Platform) -> Path:
    """Where the demo keeps the photographs and the exports."""
    return platform.home.path / "work"


@dataclass(frozen=True)
class Shell:
    """Runs `synapse` commands as a user would, showing each."""

    variables: Mapping[str, str]
    console: Console

    def run(self, arguments: list[str], *, is_shown: bool = True) -> tuple[Any, float]:
        """Run one command; its JSON answer, and how many seconds it took.

        Raises:
            DemoError: The command failed; the message is its own.
        """
        if is_shown:
            self.console.print(Text(f"$ synapse {shlex.join(arguments)}", style="bold"))
        started = time.perf_counter()
        done = subprocess.run(  # noqa: S603 (our own command)
            [sys.executable, "-m", "synapse_sdk", *arguments, "--json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
            env={**read_env(), **self.variables},
        )
        if done.returncode:
            raise DemoError(f"`synapse {shlex.join(arguments)}` failed:\n{done.stderr.strip()}")
        return msgspec.json.decode(done.stdout), time.perf_counter() - started


def _import(folder: Path, shell: Shell) -> tuple[int, DemoRow]:
    photographs = write_photographs(folder)
    arguments = ["import", "coco", _shown(photographs), "--images", _shown(folder / "images"), "--images-only"]
    answer, seconds = shell.run([*arguments, "--project", PROJECT])
    if answer["created"] + answer["exists"] != len(PHOTOGRAPHS) or answer["bad"]:
        raise DemoError(f"The import took {answer['created']} of {len(PHOTOGRAPHS)} photographs.")
    note = f"project {PROJECT}: {answer['created']} new, {answer['exists']} there already"
    return answer["project"]["id"], DemoRow("import", len(PHOTOGRAPHS), 0, 0, seconds, "", note)


def _publish(shell: Shell) -> DemoRow:
    """Publish the segmenter and add its model, unless an earlier demo has."""
    seconds, note = 0.0, "there already"
    if _release_id(shell) is None:
        answer, seconds = shell.run(["plugin", "publish", "--path", _shown(plugin_folder()), "--yes"])
        note = f"{answer['plugin']} {answer['version']}"
    if _model_id(shell) is None:
        # A classical method has no weights; its results are booked under this name.
        seconds += shell.run(["model", "create", MODEL])[1]
    return DemoRow("publish", 0, 0, 0, seconds, "", note)


def _pre_annotate(project: int, shell: Shell) -> DemoRow:
    agents, _ = shell.run(["agent", "list"], is_shown=False)
    params = {
        "name": "photographs",
        "project": project,
        "agent": agents[0]["id"],
        "method": "inference",
        "pre_processor": _release_id(shell),
        "model": _model_id(shell),
        "pre_processor_params": {"min_area": MIN_AREA},
        # The segmenter is up in a second or two.
        "poll_interval_seconds": 0.5,
    }
    told = json.dumps(params)
    answer, seconds = shell.run(
        ["plugin", "run", "to_task", "--mode", "remote", "--plugin", SEGMENTER, "--params", told]
    )
    if answer["success_count"] != len(PHOTOGRAPHS):
        reasons = {failure["error"] for failure in answer["failures"]}
        raise DemoError(f"The pre-annotation took {answer['success_count']} photographs: {'; '.join(reasons)}")
    return DemoRow("pre-annotate", len(PHOTOGRAPHS), 0, 0, seconds, "", f"{SEGMENTER}: {answer['message']}")


def _release_id(shell: Shell) -> int | None:
    with BackendClient(shell.variables["SYNAPSE_HOST"], shell.variables["SYNAPSE_ACCESS_TOKEN"]) as client:
        releases = client.list_plugin_releases(list_all=True)[0]
        return next((int(row["id"]) for row in releases if row["config"].get("code") == SEGMENTER), None)


def _model_id(shell: Shell) -> int | None:
    rows, _ = shell.run(["model", "list"], is_shown=False)
    return next((int(row["id"]) for row in rows if row["name"] == MODEL), None)


def _export(fmt: str, folder: Path, shell: Shell) -> tuple[DemoRow, DemoRow]:
    arguments = ["export", "--project", PROJECT, "--target", "task", "--format", fmt, "--out", _shown(folder)]
    answer, seconds = shell.run([*arguments, "--name", fmt])
    path = Path(answer["path"])
    started = time.perf_counter()
    read = accept(fmt, path)
    took = time.perf_counter() - started
    count, objects, head = answer["exported"], answer["annotations"], answer["head"]
    exported = DemoRow(f"export {fmt}", count, objects, read.classes, seconds, _shown(path), head)
    return exported, DemoRow(f"check {fmt}", read.images, read.boxes, read.classes, took, _shown(path), _note(read))


def _note(read: Accepted) -> str:
    return f"read by {read.reader}" + (f", {read.note}" if read.note else "")


def _compare(rows: list[DemoRow]) -> None:
    first = rows[0]
    for row in rows:
        counted, expected = (row.images, row.objects, row.classes), (first.images, first.objects, first.classes)
        if counted != expected or row.images != len(PHOTOGRAPHS):
            raise DemoError(f"`{row.step}` has {counted} images, objects and classes; `{first.step}` has {expected}.")


def plugin_folder() -> Path:
    """The example plugin: beside this module in an installed package, else in the repository."""
    packed = Path(__file__).parent / "plugins" / SEGMENTER
    return packed if packed.exists() else Path(__file__).parents[2] / "examples" / "plugins" / SEGMENTER


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def report_table(rows: list[DemoRow], folder: Path) -> Table:
    """The demo's report for people."""
    table = Table(title=f"What the demo did in {_shown(folder)}", box=SIMPLE, padding=(0, 1, 0, 0))
    for name in ("step", "images", "objects", "classes", "seconds"):
        table.add_column(name, justify="left" if name == "step" else "right")
    table.add_column("where", no_wrap=True)
    table.add_column("note", overflow="fold")
    for row in rows:
        counts = (str(count or "") for count in (row.images, row.objects, row.classes))
        where = os.path.relpath(row.path, _shown(folder)) if row.path else ""
        table.add_row(row.step, *counts, f"{row.seconds:.1f}", where, row.note)
    return table
