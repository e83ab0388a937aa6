"""A page's cost, wherever it is: `python -m tests.bench.pages [--items 100000]`.

Tasks are listed ten at a time; the last page is page 10,000 of 100,000 tasks, and is asked for by the cursor that the
pages before it gave. Requests for both pages take turns in rounds. CPU is the server's; the time of a request is told too.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2

from tests.bench.goals import Goal, middle, print_goals
from tests.bench.measure import cpu_of_tree
from tests.bench.platform import Bench, open_bench

PER_PAGE, MOST_PER_PAGE = 10, 200
REQUESTS, ROUNDS = 200, 5
LAST_TIMES_FIRST = 1.2


def pages(bench: Bench, items: int) -> Iterator[Goal]:
    """The last page's cost against the first one's, and against the first one's without a cursor."""
    items = max(MOST_PER_PAGE, items) // MOST_PER_PAGE * MOST_PER_PAGE
    project = bench.fill(items)
    headers = {"Authorization": f"Token {bench.platform.token}"}
    with httpx2.Client(base_url=bench.platform.url, headers=headers) as http:
        near, far = (find_cursor(http, project, items, skipped) for skipped in (MOST_PER_PAGE, items - PER_PAGE))
        asked = {"page 1": None, "page 21": near, f"page {items // PER_PAGE:,}": far}
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
        for _ in range(ROUNDS):
            for name, cursor in asked.items():
                costs[name].append(ask(bench, http, project, cursor))
    first, *others = asked
    for name in others:
        for place, unit in enumerate(("server's CPU", "time")):
            ratio = middle(cost[place] for cost in costs[name]) / middle(cost[place] for cost in costs[first])
            limit = LAST_TIMES_FIRST if name == others[-1] and place == 0 else None
            yield Goal(f"{name} of {items:,} tasks against page 1: {unit}", ratio, limit)
    yield Goal("page 1: server's CPU", middle(cost[0] for cost in costs[first]) / REQUESTS * 1000, None, "ms")


def find_cursor(http: httpx2.Client, project: int, items: int, skipped: int) -> str:
    """The cursor behind so many tasks, by walking over them: a cursor does not know how large pages are."""
    cursor, left = None, skipped
    while left:
        size = min(left, MOST_PER_PAGE)
        page = fetch(http, project, cursor, size)
        cursor, left = page["meta"]["pagination"]["next_cursor"], left - size
    assert cursor, f"{items} tasks end before {skipped}"
    return str(cursor)


def fetch(http: httpx2.Client, project: int, cursor: str | None, size: int) -> Any:
    params = {"project": project, "per_page": size} | ({"cursor": cursor} if cursor else {})
    response = http.get("/v2/tasks/", params=params)
    response.raise_for_status()
    found = response.json()
    assert len(found["data"]) == size, f"{len(found['data'])} of {size} tasks came"
    return found


def ask(bench: Bench, http: httpx2.Client, project: int, cursor: str | None) -> tuple[float, float]:
    """CPU of the server, and time, of many requests for one page."""
    server = bench.servers["server"]
    before, started = cpu_of_tree(server), time.perf_counter()
    for _ in range(REQUESTS):
        fetch(http, project, cursor, PER_PAGE)
    return cpu_of_tree(server) - before, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    with open_bench() as bench:
        goals = list(pages(bench, options.items))
    print_goals(goals, as_json=options.as_json)
    sys.exit(any(goal.is_met is False for goal in goals))


if __name__ == "__main__":
    main()
