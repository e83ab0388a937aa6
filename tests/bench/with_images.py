"""Imports of every format, and exports of both heads with images linked: what people do with a data set of their own."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from tests.bench.goals import Goal
from tests.bench.images import write_images
from tests.bench.items import generate_items, write_dataset, write_items
from tests.bench.measure import Cost
from tests.bench.platform import Bench, size_of
from tests.bench.whole import run_floor

HEADS = {"server": (), "client": ("--in-process",)}
PROJECT = "images"


def with_images(bench: Bench, count: int, *, formats: Sequence[str], console: Console) -> Iterator[Goal]:
    folder = bench.folder
    write_items(folder / "items.jsonl", count)
    write_dataset(folder / "annotations.jsonl", count)
    write_images(folder / "images", (item["data_unit"]["name"] for item in generate_items(count)))
    floor = run_floor(folder, "jsonl", count)
    yield goal("import jsonl, its images for the first time", count, import_(bench, count, "jsonl"), floor)
    for fmt in formats:
        floor = run_floor(folder, fmt, count)
        for head, options in HEADS.items():
            console.print(f"[dim]{fmt}, {head} head[/dim]")
            name = f"{fmt}-{head}"
            where = ("--project", PROJECT, "--out", str(folder), "--name", name, "--images", "link")
            cost = bench.synapse("export", *where, "--format", fmt, *options)
            yield goal(f"export {fmt}, images linked, {head} head", count, cost, floor)
            if head == "server" and fmt != "jsonl":
                yield goal(f"import {fmt}", count, import_(bench, count, fmt, folder / name), floor)
            shutil.rmtree(folder / name)


def goal(what: str, count: int, cost: Cost, floor: Cost) -> Goal:
    facts = {
        "items_per_cpu_second": count / cost.cpu_seconds,
        "wall_seconds": cost.wall_seconds,
        "peaks_mb": cost.peaks,
    }
    return Goal(f"{what}: CPU against the floor's", cost.cpu_seconds / floor.cpu_seconds, None, facts=facts)


def import_(bench: Bench, count: int, fmt: str, written: Path | None = None) -> Cost:
    path = dataset_of(fmt, written) if written else bench.folder / "annotations.jsonl"
    # The other formats say themselves where their images are.
    images = ("--images", str(bench.folder / "images")) if path.suffix in {".json", ".jsonl", ".csv"} else ()
    cost = bench.synapse("import", fmt, str(path), *images, "--project", PROJECT if written is None else fmt)
    taken = json.loads(cost.output)["created"]
    assert taken == count, f"{taken} of {count} items were taken from {path} ({size_of(path.parent)} bytes)"
    return cost


def dataset_of(fmt: str, folder: Path) -> Path:
    """What `synapse import` is pointed at."""
    return folder / {"coco": "annotations.json", "yolo": "data.yaml", "voc": "", "csv": "annotations.csv"}[fmt]
