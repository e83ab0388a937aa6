"""The demo: what a user would type, typed for them, with the time and the outcome of each command."""

from __future__ import annotations

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

from synapse_sdk.exceptions import SynapseError
from synapse_sdk.utils.auth import read_env
from web_helper.launcher.photographs import write_photographs
from web_helper.launcher.platform import Platform
from web_helper.launcher.third_party import READERS, Accepted, accept

PROJECT = "photographs"
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
    """Photographs → project → three exports, each read again by software that is not ours.

    Raises:
        DemoError: Something did not work; the message says which command.
    """
    folder = work_folder(platform)
    shutil.rmtree(folder, ignore_errors=True)
    rows = [_segment(folder / "photographs", console)]
    shell = Shell({"SYNAPSE_HOST": platform.url, "SYNAPSE_ACCESS_TOKEN": platform.token}, console)
    rows.append(_import(folder / "photographs", rows[0], shell))
    for fmt in READERS:
        rows.extend(_export(fmt, folder / "exports", rows[0], shell))
    return rows


def work_folder(platform: Platform) -> Path:
    """Where the demo keeps the photographs and the exports."""
    return platform.home.path / "work"


@dataclass(frozen=True)
class Shell:
    """Runs `synapse` commands as a user would, showing each."""

    variables: Mapping[str, str]
    console: Console

    def run(self, arguments: list[str]) -> tuple[dict[str, Any], float]:
        """Run one command; its JSON answer, and how many seconds it took.

        Raises:
            DemoError: The command failed; the message is its own.
        """
        self.console.print(f"[bold]$ synapse {shlex.join(arguments)}[/bold]")
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


def _segment(folder: Path, console: Console) -> DemoRow:
    console.print(f"[dim]segmenting the photographs that scikit-image ships into {_shown(folder)}[/dim]")
    started = time.perf_counter()
    truth = msgspec.json.decode(write_photographs(folder).read_bytes())
    images, objects, classes = (len(truth[key]) for key in ("images", "annotations", "categories"))
    return DemoRow("segment", images, objects, classes, time.perf_counter() - started, _shown(folder), "scikit-image")


def _import(folder: Path, truth: DemoRow, shell: Shell) -> DemoRow:
    arguments = ["import", "coco", _shown(folder / "annotations.json"), "--images", _shown(folder / "images")]
    answer, seconds = shell.run([*arguments, "--project", PROJECT])
    if answer["created"] + answer["exists"] != truth.images or answer["bad"]:
        raise DemoError(f"The import took {answer['created']} of {truth.images} photographs.")
    note = f"{answer['created']} new, {answer['exists']} there already"
    return DemoRow("import", truth.images, truth.objects, truth.classes, seconds, "", f"project {PROJECT}: {note}")


def _export(fmt: str, folder: Path, truth: DemoRow, shell: Shell) -> tuple[DemoRow, DemoRow]:
    arguments = ["export", "--project", PROJECT, "--target", "assignment", "--format", fmt, "--out", _shown(folder)]
    answer, seconds = shell.run([*arguments, "--name", fmt])
    path = Path(answer["path"])
    exported = DemoRow(
        f"export {fmt}", answer["exported"], answer["annotations"], truth.classes, seconds, _shown(path), answer["head"]
    )
    started = time.perf_counter()
    read = accept(fmt, path)
    _compare(fmt, read, truth)
    seconds = time.perf_counter() - started
    checked = DemoRow(f"check {fmt}", read.images, read.boxes, read.classes, seconds, _shown(path), _note(read))
    return exported, checked


def _note(read: Accepted) -> str:
    return f"read by {read.reader}" + (f", {read.note}" if read.note else "")


def _compare(fmt: str, read: Accepted, truth: DemoRow) -> None:
    counted, expected = (read.images, read.boxes), (truth.images, truth.objects)
    if counted != expected:
        raise DemoError(f"{read.reader} read {counted} images and boxes from the {fmt} export; {expected} went in.")


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
        counts = (str(row.images), str(row.objects), str(row.classes))
        where = os.path.relpath(row.path, _shown(folder)) if row.path else ""
        table.add_row(row.step, *counts, f"{row.seconds:.1f}", where, row.note)
    return table
