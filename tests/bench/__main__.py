"""`make bench`: what everything costs, as ratios of one run, with the goal beside each number.

`python -m tests.bench [PART ...]`: without a part, all of them run. `python -m tests.bench.volume` is the large one.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tests.bench.bundle import bundles_everywhere
from tests.bench.conversion import run_rounds, write_bundle
from tests.bench.delta import deltas
from tests.bench.floor import FLOORS
from tests.bench.goals import Goal, middle, print_goals
from tests.bench.items import write_items
from tests.bench.memory import memory
from tests.bench.pages import pages
from tests.bench.platform import open_bench
from tests.bench.whole import whole_exports
from tests.bench.with_images import with_images

CONVERT_TIMES_FLOOR, TWO_WORKERS = 1.5, 1.7
CONVERTED = {"coco", "yolo", "voc", "csv"}
BESIDE = (
    "components",
    "dispatch",
    "first_view",
    "from_model",
    "grid",
    "playground",
    "presigned",
    "serving",
    "to_task",
    "watchers",
)


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    items: int
    formats: list[str]
    rounds: int
    console: Console


def run_whole(options: Options) -> Iterator[Goal]:
    with open_bench() as bench:
        yield from whole_exports(
            bench, options.items, formats=options.formats, rounds=options.rounds, console=options.console
        )


def run_images(options: Options) -> Iterator[Goal]:
    # Images and both heads take twenty times as long.
    with open_bench() as bench:
        yield from with_images(bench, max(1000, options.items // 20), formats=options.formats, console=options.console)


def run_conversion(options: Options) -> Iterator[Goal]:
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as name:
        folder = Path(name)
        write_items(folder / "items.jsonl", options.items)
        write_bundle(folder / "bundle", options.items)
        asked = argparse.Namespace(rounds=options.rounds, formats=",".join(options.formats), workers=2)
        found = run_rounds(folder, asked)
    for fmt in options.formats:
        floor, one, two = (found[f"{fmt} {workers}"] for workers in (0, 1, 2))
        assert len({run["bytes"] for run in one + two}) == 1, f"{fmt}: the bytes depend on the number of workers"
        base = middle(run["cpu"] for run in floor)
        limit = CONVERT_TIMES_FLOOR if fmt in CONVERTED else None
        what = f"{fmt}, {options.items:,} items"
        yield Goal(
            f"convert and write {what}: CPU against the floor's", middle(r["convert"] for r in one) / base, limit
        )
        yield Goal(f"the same, read back and checked: {what}", middle(r["cpu"] for r in one) / base, None)
        faster = middle(r["wall"] for r in one) / middle(r["wall"] for r in two)
        yield Goal(f"two workers against one, {what}", faster, TWO_WORKERS if limit else None, "x", True)


def run_memory(options: Options) -> Iterator[Goal]:
    with open_bench() as bench:
        yield from memory(bench, sorted({10_000, options.items}))


def run_bundle(options: Options) -> Iterator[Goal]:
    yield from bundles_everywhere(options.items, options.rounds)


def run_pages(options: Options) -> Iterator[Goal]:
    with open_bench() as bench:
        yield from pages(bench, options.items)


def run_delta(options: Options) -> Iterator[Goal]:
    with open_bench() as bench:
        yield from deltas(bench, options.items, options.rounds)


def run_beside(module: str) -> Callable[[Options], Iterator[Goal]]:
    """A part that is a program with a table of its own."""

    def run(options: Options) -> Iterator[Goal]:
        options.console.print(f"[dim]python -m tests.bench.{module}[/dim]")
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.{module}"], stdout=subprocess.PIPE, text=True, check=False
        )
        options.console.print(done.stdout, markup=False)
        is_met = done.returncode == 0 and "NOT met" not in done.stdout
        yield Goal(f"{module}: every goal of its table is met", float(is_met), 1.0, "", True)

    return run


PARTS: dict[str, Callable[[Options], Iterator[Goal]]] = {
    "conversion": run_conversion,
    "whole": run_whole,
    "memory": run_memory,
    "bundle": run_bundle,
    "pages": run_pages,
    "delta": run_delta,
    "images": run_images,
    **{name: run_beside(name) for name in BESIDE},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which parts; all when none is named")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--formats", default=",".join(FLOORS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    console = Console(stderr=True, width=120)
    options = Options(given.items, given.formats.split(","), given.rounds, console)
    goals: list[Goal] = []
    for part in given.parts or PARTS:
        started = time.monotonic()
        goals += PARTS[part](options)
        console.print(f"[dim]{part} took {time.monotonic() - started:.0f} s[/dim]")
    print_goals(goals, as_json=given.as_json)


if __name__ == "__main__":
    main()
