"""What a delta costs beside the whole export: `python -m tests.bench.delta [--items 100000] [--rounds 3]`.

Whole exports to COCO keep their items; then one task in a hundred gets other annotations and a few are deleted, and
`synapse export --since` and `synapse apply-delta` bring the older export up to date. The result is compared, byte for
byte, with a whole export. CPU is summed over command, server and worker. A delta of nothing tells what starting a
command and a job costs at any size.
"""

import argparse
import hashlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.bench.goals import Goal, middle, print_goals
from tests.bench.items import DRAWN, drawn_texts
from tests.bench.measure import Cost
from tests.bench.platform import PROJECT, Bench, open_bench

DELTA_SHARE = 0.03
CHOICE = ("--project", PROJECT, "--target", "task", "--format", "coco", "--images", "none", "--keep-items")


def deltas(bench: Bench, items: int, rounds: int) -> Iterator[Goal]:
    """The share of a delta of 1 % in a whole export, and what applying it costs."""
    bench.fill(items)
    costs: dict[str, list[float]] = {"whole": [], "nothing": [], "delta": [], "applied": []}
    _export(bench, "old")
    for number in range(rounds):
        costs["nothing"].append(_since(bench, "old").cpu_seconds)
        _change(bench, number)
        costs["delta"].append(_since(bench, "old").cpu_seconds)
        applied = bench.synapse("apply-delta", _at(bench, "old"), _at(bench, "delta"), "--out", _at(bench, "new"))
        costs["applied"].append(applied.cpu_seconds)
        costs["whole"].append(_export(bench, "whole").cpu_seconds)
        _require_same(bench)
    whole, nothing, delta, applied_cost = (middle(values) for values in costs.values())
    facts = {"cpu_seconds": {"whole": whole, "nothing": nothing, "delta": delta, "applied": applied_cost}}
    what = f"delta of 1 % of {items:,} items"
    yield Goal(f"{what}, command to disk: share of the whole export", delta / whole, DELTA_SHARE, facts=facts)
    beyond = (delta - nothing) / (whole - nothing)
    yield Goal(f"{what}: the same beyond what a delta of nothing costs", beyond, None)
    yield Goal("a delta of nothing: CPU", nothing, None, "s")
    yield Goal(f"{what}: applying it, share of the whole export", applied_cost / whole, None)


def _at(bench: Bench, place: str) -> str:
    """The export of that place; `new` is where the next one goes."""
    folder = bench.folder / place
    return str(folder if place == "new" else folder / "export")


def _export(bench: Bench, place: str) -> Cost:
    shutil.rmtree(bench.folder / place, ignore_errors=True)
    return bench.synapse("export", *CHOICE, "--out", str(bench.folder / place), "--name", "export")


def _since(bench: Bench, place: str) -> Cost:
    shutil.rmtree(bench.folder / "delta", ignore_errors=True)
    out = ("--out", str(bench.folder / "delta"), "--name", "export")
    return bench.synapse("export", "--since", _at(bench, place), *out)


def _change(bench: Bench, number: int) -> None:
    """Other annotations for one task in a hundred, and an end for one in ten thousand."""
    engine = create_engine(bench.database_url)
    with engine.begin() as connection:
        other = drawn_texts()[number % DRAWN].decode()
        connection.execute(
            text("UPDATE tasks SET data = :data WHERE id % 100 = :rest"), {"data": other, "rest": number}
        )
        connection.execute(text("DELETE FROM tasks WHERE id % 10000 = :rest"), {"rest": 50 + number})
    engine.dispose()


def _require_same(bench: Bench) -> None:
    """Old and delta together are the whole; what they made is the older export of the next round."""
    made, whole = (_digests(bench.folder / place / "export") for place in ("new", "whole"))
    assert made == whole, f"{sorted(made.items() ^ whole.items())} differ"
    shutil.rmtree(bench.folder / "old")
    (bench.folder / "new").rename(bench.folder / "old")


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    assert found
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    with open_bench() as bench:
        goals = list(deltas(bench, options.items, options.rounds))
    print_goals(goals, as_json=options.as_json)
    sys.exit(any(goal.is_met is False for goal in goals))


if __name__ == "__main__":
    main()
