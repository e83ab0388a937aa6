"""`make bench`: import and export of generated items, each format, both heads, as ratios against the floor of the same run.

CPU is summed over the command, the server and the worker; memory is the largest peak of any one process. The floor reads
the items and writes the format with msgspec in one process, without checks, images, server or database.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.floor import FLOORS
from tests.bench.images import write_images
from tests.bench.items import generate_items, write_dataset, write_items
from tests.bench.measure import Cost, measure
from web_helper.launcher.home import Home
from web_helper.launcher.platform import Platform

HEADS = {"server": (), "client": ("--in-process",)}


@dataclass(frozen=True)
class Result:
    """One measured command; `floor` is the cost of the same bytes with nothing around them."""

    what: str
    items: int
    size_bytes: int
    cost: Cost
    floor: Cost


@dataclass(frozen=True)
class Bench:
    folder: Path
    count: int
    servers: list[int]
    variables: dict[str, str]

    def synapse(self, *arguments: str) -> Cost:
        command = [sys.executable, "-m", "synapse_sdk", *arguments, "--json"]
        return measure(command, servers=self.servers, variables=self.variables)

    def floor(self, fmt: str) -> Cost:
        target = self.folder / f"floor-{fmt}"
        target.mkdir()
        command = [sys.executable, "-m", "tests.bench.floor", fmt, str(self.folder / "items.jsonl"), str(target)]
        cost = measure(command)
        shutil.rmtree(target)
        return cost


@contextmanager
def open_bench(count: int, *, has_images: bool) -> Iterator[Bench]:
    """Items and images on disk, and a platform of its own that has none of them yet."""
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as name:
        folder = Path(name)
        write_items(folder / "items.jsonl", count)
        write_dataset(folder / "annotations.jsonl", count)
        if has_images:
            write_images(folder / "images", (item["data_unit"]["name"] for item in generate_items(count)))
        with Platform.start(Home(folder / "home")) as platform:
            record = platform.home.running()
            assert record is not None
            servers = [record.children["server"], record.children["worker"]]
            yield Bench(folder, count, servers, {"SYNAPSE_HOST": platform.url, "SYNAPSE_ACCESS_TOKEN": platform.token})


def run_without_images(bench: Bench, formats: list[str], console: Console) -> Iterator[Result]:
    """Annotations only, so that a hundred thousand items and more take minutes: delegated exports of a filled database."""
    console.print("[dim]filling the database[/dim]")
    fill = [sys.executable, "-m", "tests.bench.fill", str(bench.folder / "annotations.jsonl"), "filled"]
    cost = measure(fill, servers=bench.servers, variables=bench.variables)
    size = (bench.folder / "annotations.jsonl").stat().st_size
    yield Result("fill by import items", bench.count, size, cost, bench.floor("jsonl"))
    for fmt in formats:
        floor = bench.floor(fmt)
        arguments = ("--project", "filled", "--format", fmt, "--out", str(bench.folder), "--name", fmt)
        cost = bench.synapse("export", *arguments, "--images", "none")
        size = sum(p.stat().st_size for p in (bench.folder / fmt).rglob("*") if p.is_file())
        yield Result(f"export {fmt}, no images", bench.count, size, cost, floor)
        shutil.rmtree(bench.folder / fmt)


def run(bench: Bench, formats: list[str], console: Console) -> Iterator[Result]:
    jsonl = bench.floor("jsonl")
    yield import_dataset(bench, "jsonl", bench.folder / "annotations.jsonl", jsonl)
    for fmt in formats:
        floor = bench.floor(fmt)
        for head, options in HEADS.items():
            console.print(f"[dim]{fmt}, {head} head[/dim]")
            name = f"{fmt}-{head}"
            arguments = ("--project", "jsonl", "--format", fmt, "--out", str(bench.folder), "--name", name)
            cost = bench.synapse("export", *arguments, "--images", "link", *options)
            written = bench.folder / name
            size = sum(p.stat().st_size for p in written.rglob("*") if p.is_file() and p.suffix != ".png")
            yield Result(f"export {fmt}, {head} head", bench.count, size, cost, floor)
            if head == "server" and fmt != "jsonl":
                yield import_dataset(bench, fmt, dataset_of(fmt, written), floor)
            shutil.rmtree(written)


def dataset_of(fmt: str, folder: Path) -> Path:
    """What `synapse import` is pointed at."""
    return folder / {"coco": "annotations.json", "yolo": "data.yaml", "voc": "", "csv": "annotations.csv"}[fmt]


def import_dataset(bench: Bench, fmt: str, path: Path, floor: Cost) -> Result:
    # The other formats say themselves where their images are.
    images = ("--images", str(bench.folder / "images")) if path.suffix in {".json", ".jsonl", ".csv"} else ()
    cost = bench.synapse("import", fmt, str(path), *images, "--project", fmt)
    taken = json.loads(cost.output)["created"]
    assert taken == bench.count, f"{taken} of {bench.count} items were taken from {path}"
    folder = path if path.is_dir() else path.parent
    size = sum(
        p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.suffix in {".json", ".txt", ".xml", ".csv"}
    )
    return Result(f"import {fmt}", bench.count, size or path.stat().st_size, cost, floor)


def table_of(results: list[Result]) -> Table:
    table = Table("what", "items/s", "MB/s", "items per CPU s", "peak MB", "CPU / floor's", "wall s")
    for result in results:
        cost, floor = result.cost, result.floor
        table.add_row(
            result.what,
            f"{result.items / cost.wall_seconds:,.0f}",
            f"{result.size_bytes / 1e6 / cost.wall_seconds:.1f}",
            f"{result.items / cost.cpu_seconds:,.0f}",
            f"{cost.peak_mb:.0f}",
            f"{cost.cpu_seconds / floor.cpu_seconds:.1f}",
            f"{cost.wall_seconds:.1f}",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--formats", default=",".join(FLOORS))
    parser.add_argument("--no-images", action="store_true", help="annotations only, the server's head only")
    options = parser.parse_args()
    console = Console(width=120)
    measured = run_without_images if options.no_images else run
    with open_bench(options.items, has_images=not options.no_images) as bench:
        results = list(measured(bench, options.formats.split(","), console))
    console.print(table_of(results))


if __name__ == "__main__":
    main()
