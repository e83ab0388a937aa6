"""The command: options in, a summary out; what happens between is `run`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v2
from synapse_sdk.cli.failures import EXIT_FAILED, EXIT_INTERRUPTED, UsageError, message_of, print_error, report_error
from synapse_sdk.cli.importing.batch import BatchSender
from synapse_sdk.cli.importing.counting import count_items
from synapse_sdk.cli.importing.findings import Findings
from synapse_sdk.cli.importing.run import Entry, ImportRun, StrictError
from synapse_sdk.cli.importing.target import open_target
from synapse_sdk.cli.interrupt import Interruption, stop_on_interrupt
from synapse_sdk.cli.output import print_facts, print_json, say, warn
from synapse_sdk.cli.progress import ItemProgress
from synapse_sdk.exceptions import ConfigurationError, FormatError, SynapseError
from synapse_sdk.utils.converters import Format, read_classes, read_dataset
from synapse_sdk.wire.annotations import ClassDefinition

RESUME_HINT = "Run the same command again to go on: what is there already is not sent twice."
DEFAULT_WORKERS = 8

ImagesOption = Annotated[
    Path | None, typer.Option(exists=True, file_okay=False, help="Folder of the images, when not beside.")
]
ReportOption = Annotated[
    Path | None, typer.Option(dir_okay=False, help="Write every bad file and difference to this JSON file.")
]
ImagesOnlyOption = Annotated[
    bool, typer.Option("--images-only", help="Leave the annotations out: tasks for a model or people to annotate.")
]


def import_command(
    fmt: Annotated[
        Format, typer.Argument(metavar="FORMAT", help="coco, yolo, voc, csv, jsonl, webdataset or parquet.")
    ],
    path: Annotated[
        Path, typer.Argument(exists=True, metavar="PATH", help="The annotation file, data.yaml or data set folder.")
    ],
    *,
    project: Annotated[str, typer.Option(help="Name (or id) of the project; a new name makes a new project.")],
    images: ImagesOption = None,
    report: ReportOption = None,
    is_strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad file, with exit code 1.")] = False,
    has_fixed_classes: Annotated[
        bool, typer.Option("--fixed-classes", help="Refuse items with classes that the project does not have.")
    ] = False,
    is_images_only: ImagesOnlyOption = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Files sent at the same time.")] = DEFAULT_WORKERS,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import annotated images into a project; again and again adds only what is new.

    An item is known by its relative name and the content of its image. Bad files are reported and left out; the exit
    code is still 0, unless --strict. Ctrl-C stops after the batch in flight (exit code 130); the same command goes on.

    Example: synapse import coco ./cars/annotations.json --images ./cars/images --project cars
    """
    started = time.monotonic()
    _check_machine(report)
    progress = ItemProgress(f"Importing into {project}", count_items(fmt, path, images))
    entries = _open_data_set(read_dataset(fmt, path, images=images, on_total=progress.set_total), path)
    notice = "Stopping after the batch in flight. Ctrl-C again stops at once."
    with ExitStack() as stack:
        client = stack.enter_context(open_v2(host, token))
        interruption = stack.enter_context(stop_on_interrupt(notice))
        target = open_target(client, project, lambda: _declared_classes(fmt, path, images))
        wish = {"may_add_classes": not has_fixed_classes, "is_images_only": is_images_only}
        sender = BatchSender(client, target, workers=workers, **wish)
        stack.enter_context(closing(sender))
        findings = stack.enter_context(closing(Findings(progress.say)))
        run = ImportRun(sender, findings, progress, is_strict=is_strict)
        with progress:
            exit_code = _execute(run, entries, interruption)
        summary = {
            "project": {"id": target.project_id, "name": target.name, "is_new": target.is_new},
            "format": fmt.value,
            **run.totals.to_dict(),
            "seconds": round(time.monotonic() - started, 2),
            "is_complete": exit_code == 0,
        }
        if report is not None:
            findings.save(report, summary)
    _print_summary(summary, report, as_json=as_json)
    if exit_code:
        raise typer.Exit(exit_code)


def _check_machine(report: Path | None) -> None:
    """Refuse now what would otherwise fail at the end, or once for each image."""
    if report is not None and not report.absolute().parent.is_dir():
        raise UsageError(f"--report {report}: there is no folder {report.parent}.")
    if find_spec("PIL") is None:
        raise ConfigurationError("Reading images needs Pillow: pip install 'synapse-platform[formats]'.")


def _open_data_set(entries: Iterator[Entry], path: Path) -> Iterator[Entry]:
    """The entries, after the first has been read: what is no data set must not leave an empty project behind."""
    first = next(entries, None)
    if first is None:
        raise FormatError(f"There is nothing to import in {path}.")
    return chain([first], entries)


def _declared_classes(fmt: Format, path: Path, images: Path | None) -> list[ClassDefinition]:
    """Classes with what only a declaration knows: ids, order, keypoints. Those merely used come as they appear."""
    try:
        return read_classes(fmt, path, images=images).classes
    except FormatError:
        return []


def _execute(run: ImportRun, entries: Iterator[Entry], interruption: Interruption) -> int:
    """Run the import; whatever stops it, what was done so far is told."""
    try:
        if run.run(entries, interruption):
            return 0
    except KeyboardInterrupt:
        pass
    except StrictError as exc:
        print_error(message_of(exc))
        return EXIT_FAILED
    except SynapseError as exc:
        report_error(exc)
        say(RESUME_HINT)
        return EXIT_FAILED
    say(f"Interrupted. {RESUME_HINT}")
    return EXIT_INTERRUPTED


def _print_summary(summary: dict[str, Any], report: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
    else:
        print_facts(_words(summary))
    if summary["bad"] or summary["different"]:
        where = f"{report} lists them" if report else "--report FILE lists them"
        warn(f"{summary['bad']:,} problems in files, {summary['different']:,} items differ on the server; {where}.")


def _words(summary: dict[str, Any]) -> dict[str, str]:
    project = summary["project"]
    return {
        "Project": f"{project['name']} (id {project['id']}{', new' if project['is_new'] else ''})",
        "Created": f"{summary['created']:,}",
        "Already there": f"{summary['exists']:,}",
        "Different on the server": f"{summary['different']:,} (kept as they are there)",
        "Left out": f"{summary['left_out']:,}",
        "Problems in files": f"{summary['bad']:,}",
        "Sent": f"{summary['uploaded_files']:,} files, {summary['uploaded_bytes'] / 1e6:,.1f} MB",
        "Seconds": f"{summary['seconds']:.1f}",
    }
