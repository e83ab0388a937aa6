"""Whole exports, from a filled database to a data set on disk, beside the floor that writes the same data set.

CPU is summed over the command, the server and the worker. Rounds of ours and the floor's take turns, so that a machine
that is slower for a while is slower for both; medians are compared.
"""

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from synapse_sdk.clients.backend_v2 import BackendV2Client
from tests.bench.floor import different_files
from tests.bench.goals import Goal, middle
from tests.bench.items import BOXES, write_items
from tests.bench.measure import Cost, measure
from tests.bench.platform import Bench, summary_of

# Where the issue names a limit for whole exports: COCO. The others are told.
COCO_TIMES_FLOOR = 2.5
CPU_SECONDS_PER_100_000 = 15.0
FIRST_PROGRESS_SECONDS = 1.0
PEAK_MB = 128.0


def whole_exports(bench: Bench, count: int, *, formats: Sequence[str], rounds: int, console: Console) -> Iterator[Goal]:
    console.print(f"[dim]filling {count:,} items[/dim]")
    project = bench.fill(count)
    write_items(bench.folder / "items.jsonl", count, name_of=str)
    for fmt in formats:
        console.print(f"[dim]{fmt}, {rounds} rounds[/dim]")
        pairs = [(run_floor(bench.folder, fmt, count), run_ours(bench, fmt, count)) for _ in range(rounds)]
        yield from goals_of(fmt, count, pairs)
    seconds = middle(first_progress(bench, project) for _ in range(rounds))
    yield Goal(f"first progress event of {count:,} items", seconds, FIRST_PROGRESS_SECONDS, "s")


def goals_of(fmt: str, count: int, pairs: Sequence[tuple[Cost, Cost]]) -> Iterator[Goal]:
    floor, ours = (middle(pair[side].cpu_seconds for pair in pairs) for side in (0, 1))
    facts = {
        "items": count,
        "floor_cpu_seconds": floor,
        "floor_wall_seconds": middle(pair[0].wall_seconds for pair in pairs),
        "floor_peak_mb": max(pair[0].peak_mb for pair in pairs),
        "cpu_seconds": ours,
        "wall_seconds": middle(pair[1].wall_seconds for pair in pairs),
        "cpu_by_process": pairs[-1][1].cpu_by_process,
    }
    limit = COCO_TIMES_FLOOR if fmt == "coco" else None
    yield Goal(f"export {fmt}, {count:,} items: CPU against the floor's", ours / floor, limit, facts=facts)
    if fmt == "coco":
        yield Goal(
            "export coco: CPU per 100,000 items, all processes", ours * 100_000 / count, CPU_SECONDS_PER_100_000, "s"
        )
    for name in sorted({name for _, cost in pairs for name in cost.peaks}):
        peak = max(cost.peaks.get(name, 0.0) for _, cost in pairs)
        yield Goal(f"export {fmt}, {count:,} items: peak memory, {name}", peak, PEAK_MB, "MB")


def run_floor(folder: Path, fmt: str, count: int) -> Cost:
    target = folder / f"floor-{fmt}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    return measure([sys.executable, "-m", "tests.bench.floor", fmt, str(folder / "items.jsonl"), str(target)])


def run_ours(bench: Bench, fmt: str, count: int) -> Cost:
    """One export, compared with what the floor has just written: the same counts, and the same bytes."""
    cost = bench.export(fmt, fmt)
    said = summary_of(cost)
    assert (said["exported"], said["failed"], said["annotations"]) == (count, 0, count * BOXES), said
    wrong = different_files(bench.folder / f"floor-{fmt}", bench.folder / fmt)
    assert not wrong, f"{fmt}: the floor wrote {', '.join(wrong[:5])} otherwise"
    shutil.rmtree(bench.folder / fmt)
    return cost


def first_progress(bench: Bench, project: int) -> float:
    """Seconds from the request to the first event that tells of rows done."""
    with BackendV2Client(bench.platform.url, access_token=bench.platform.token) as client:
        started, first = time.perf_counter(), 0.0
        job = client.plugin_exports.create(target="task", project=project, options={"include_files": False})
        for event in client.async_jobs.stream_progress(job.job_id):
            if event.processed > 0 and not first:
                first = time.perf_counter() - started
    return first
