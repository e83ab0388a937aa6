"""`make bench`: what everything costs, as ratios of one run, with the goal beside each number.

`python -m tests.bench [PART ...]`: without a part, all of them run. `python -m tests.bench.volume` is the large one.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console

from tests.bench.floor import FLOORS
from tests.bench.goals import Goal, print_goals
from tests.bench.platform import open_bench
from tests.bench.whole import whole_exports
from tests.bench.with_images import with_images


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


PARTS: dict[str, Callable[[Options], Iterator[Goal]]] = {"whole": run_whole, "images": run_images}


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
