"""`python -m tests.bench.conversion`: what converting, writing and checking a bundle costs beside the floor, by itself.

Every round runs the floor, one process and several in turn; the table has medians. CPU is of the command and all its
worker processes; "whole" has the start of the command, all else has not. "convert" reads, verifies, converts and writes
with digest and SHA-256; "check" completes the files, reads them back, and writes both reports and the record; "wall 1"
and "wall n" are both of them. "at best" is what several processes reach when each has a core for itself: the CPU of one
process by that of the busiest, or by each core's part of all.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from synapse_sdk.loggers import NoOpLogger
from synapse_sdk.plugins.actions.export.bundle import LocalBundle, load_manifest
from synapse_sdk.plugins.actions.export.formats import FormatExporter
from synapse_sdk.plugins.actions.export.output.record import save_record
from synapse_sdk.plugins.actions.export.sources.bundle_items import BundleItems
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.utils.converters.blocks import worker
from synapse_sdk.wire.bundle import MANIFEST_NAME, BundleManifest, BundlePart, ExportTarget
from tests.bench.floor import FLOORS, different_files
from tests.bench.items import CLASSES, DRAWN, UNIT, drawn_texts, name_of, write_items
from tests.bench.measure import measure

ROW = (
    b'{"id":%d,"data":%b,"data_unit":%b,"tags":[],"files_manifest":{"image":{"file_name_original":"%b",'
    b'"url":"/files/%d","bundle_path":null,"size_bytes":0,"sha256":null,"is_primary":true}}}\n'
)


def write_bundle(folder: Path, count: int) -> None:
    """The floor's items as the server writes them."""
    folder.mkdir()
    texts, digest, size = drawn_texts(), hashlib.sha256(), 0
    with (folder / "tasks.jsonl").open("wb") as file:
        for number in range(1, count + 1):
            name = name_of(number).encode()
            line = ROW % (number, texts[number % DRAWN], UNIT % (number, name), name, number)
            digest.update(line)
            size += len(line)
            file.write(line)
    part = BundlePart(path="tasks.jsonl", rows=count, size_bytes=size, sha256=digest.hexdigest())
    manifest = BundleManifest(target=ExportTarget.TASK, filter={}, row_count=count, file_count=0, parts=[part])
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json())


def convert(bundle: Path, target: Path, fmt: str, workers: int) -> dict[str, float]:
    """Run the tail of an export as its steps do, and say what each half cost in CPU seconds."""
    source = LocalBundle(bundle)
    manifest = load_manifest(source, ExportTarget.TASK)
    schema = {"classes": [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]}
    params: dict[str, Any] = {"format": fmt, "images": "none", "save_original_file": False, "parallelism": workers}
    params |= {"configuration": {"class_schema": schema}, "count": manifest.row_count, "name": "out"}
    ctx = RuntimeContext(logger=NoOpLogger(), env=PluginEnvironment({}))
    items = BundleItems(source, manifest)
    exporter = FormatExporter(ctx, items, target.parent, **params)
    checking = Timed(worker.is_proven)
    worker.is_proven = checking
    started, own, clock = _cpu_seconds(), time.process_time(), time.perf_counter()
    target.mkdir()
    exporter.prepare(target, manifest.row_count)
    exporter.save_items(exporter.convert_items(items), target)
    converted = _cpu_seconds()
    exporter.additional_file_saving(target)
    save_record(target, {"items_sha256": exporter.digest.hexdigest(), **exporter.record_facts()}, exporter.checksums())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    costs = {"convert": converted - started - checking.seconds, "check": _cpu_seconds() - converted + checking.seconds}
    costs |= {"wall": time.perf_counter() - clock, "parent": time.process_time() - own, "all": _cpu_seconds() - started}
    return costs | {"child_mb": peak}


class Timed:
    """A check that knows how long it took."""

    def __init__(self, check: Callable[..., bool]) -> None:
        self._check = check
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> bool:
        started = time.process_time()
        found = self._check(*arguments)
        self.seconds += time.process_time() - started
        return found


def run_rounds(folder: Path, options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    """Costs by what was run; each round runs everything once."""
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for fmt in options.formats.split(","):
            for workers in (0, 1, options.workers):
                target = folder / ("out" if workers else "floor")
                found.setdefault(f"{fmt} {workers}", []).append(_run_once(folder, target, fmt, workers))
                if workers:
                    assert not (wrong := different_files(folder / "floor", target)), f"{fmt} differs: {wrong[:5]}"
                    shutil.rmtree(target)
            shutil.rmtree(folder / "floor")
    return found


def _run_once(folder: Path, target: Path, fmt: str, workers: int) -> dict[str, float]:
    if workers == 0:
        target.mkdir()
        cost = measure([sys.executable, "-m", "tests.bench.floor", fmt, str(folder / "items.jsonl"), str(target)])
        return {"cpu": float(cost.output), "wall": cost.wall_seconds, "mb": cost.peak_mb}
    arguments = ["--one", fmt, "--workers", str(workers), "--folder", str(folder)]
    cost = measure([sys.executable, "-m", "tests.bench.conversion", *arguments])
    parts = json.loads(cost.output)
    digest = hashlib.sha256()
    for path in sorted(target.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(target).as_posix().encode() + path.read_bytes())
    parts |= {"cpu": cost.cpu_seconds, "mb": max(cost.peak_mb, parts["child_mb"])}
    return parts | {"bytes": float(int.from_bytes(digest.digest()[:6]))}


def table_of(found: dict[str, list[dict[str, float]]], count: int, options: argparse.Namespace) -> Table:
    table = Table(
        "format", "floor", "convert", "ratio", "check", "whole", "peak MB", "wall 1", "wall n", "speed",
        "CPU 1", "CPU n", "parent", "at best",
    )  # fmt: skip
    for fmt in options.formats.split(","):
        floor, one, several = (found[f"{fmt} {workers}"] for workers in (0, 1, options.workers))
        assert len({run["bytes"] for run in one + several}) == 1, f"{fmt}: the bytes depend on the number of workers"

        def each(runs: list[dict[str, float]], key: str) -> float:
            return statistics.median(run[key] for run in runs) / count * 1e6

        base, all_cores, parent = each(floor, "cpu"), each(several, "all"), each(several, "parent")
        busiest = max(parent, (all_cores - parent) / (options.workers - 1), all_cores / options.workers)
        table.add_row(
            fmt,
            f"{base:.1f}",
            f"{each(one, 'convert'):.1f}",
            f"{each(one, 'convert') / base:.2f}",
            f"{each(one, 'check'):.1f}",
            f"{each(one, 'cpu') / base:.2f}",
            f"{max(run['mb'] for run in one + several):.0f}",
            f"{each(one, 'wall'):.1f}",
            f"{each(several, 'wall'):.1f}",
            f"{each(one, 'wall') / each(several, 'wall'):.2f}",
            f"{each(one, 'all'):.1f}",
            f"{all_cores:.1f}",
            f"{parent:.1f}",
            f"{each(one, 'all') / busiest:.2f}",
        )
    return table


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--formats", default=",".join(FLOORS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(convert(options.folder / "bundle", options.folder / "out", options.one, options.workers)))
        return
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as name:
        folder = Path(name)
        write_items(folder / "items.jsonl", options.items)
        write_bundle(folder / "bundle", options.items)
        found = run_rounds(folder, options)
    console = Console(width=140)
    console.print(f"{options.items} items, medians of {options.rounds} rounds, microseconds per item")
    console.print(table_of(found, options.items, options))


if __name__ == "__main__":
    main()
