"""A page's cost, wherever it is: `python -m tests.bench.pages [--items 100000]`.

Tasks are listed ten at a time; the last page is page 10,000 of 100,000 tasks, and is asked for by the cursor that the
pages before it gave; in v1 by its number, and so is the one in the middle, which is the furthest from both ends. Requests
for all pages take turns in rounds. CPU is the server's; the time of a request is told too.
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
        last = items // PER_PAGE
        by_cursor = {"page 1": {}, "page 21": {"cursor": near}, f"page {last:,}": {"cursor": far}}
        by_number = {f"v1 page {number:,}": {"page": number} for number in (1, last // 2, last)}
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in (*by_cursor, *by_number)}
        for _ in range(ROUNDS):
            for path, asked in (("/v2/tasks/", by_cursor), ("/tasks/", by_number)):
                size = {"per_page" if asked is by_cursor else "page_size": PER_PAGE}
                for name, place in asked.items():
                    costs[name].append(ask(bench, http, path, {"project": project, **size, **place}))
    for asked in (by_cursor, by_number):
        yield from compare({name: costs[name] for name in asked}, items)


def compare(costs: dict[str, list[tuple[float, float]]], items: int) -> Iterator[Goal]:
    """What later pages cost against the first; the goal is for the last."""
    first, *others = costs
    for name in others:
        for place, unit in enumerate(("server's CPU", "time")):
            ratio = middle(cost[place] for cost in costs[name]) / middle(cost[place] for cost in costs[first])
            limit = LAST_TIMES_FIRST if name == others[-1] and place == 0 else None
            yield Goal(f"{name} of {items:,} tasks against {first}: {unit}", ratio, limit)
    yield Goal(f"{first}: server's CPU", middle(cost[0] for cost in costs[first]) / REQUESTS * 1000, None, "ms")


def find_cursor(http: httpx2.Client, project: int, items: int, skipped: int) -> str:
    """The cursor behind so many tasks, by walking over them: a cursor does not know how large pages are."""
    cursor, left = None, skipped
    while left:
        size = min(left, MOST_PER_PAGE)
        page = fetch(
            http, "/v2/tasks/", {"project": project, "per_page": size} | ({"cursor": cursor} if cursor else {})
        )
        assert len(page["data"]) == size, f"{len(page['data'])} of {size} tasks came"
        cursor, left = page["meta"]["pagination"]["next_cursor"], left - size
    assert cursor, f"{items} tasks end before {skipped}"
    return str(cursor)


def fetch(http: httpx2.Client, path: str, params: dict[str, Any]) -> Any:
    response = http.get(path, params=params)
    response.raise_for_status()
    return response.json()


def ask(bench: Bench, http: httpx2.Client, path: str, params: dict[str, Any]) -> tuple[float, float]:
    """CPU of the server, and time, of many requests for one page."""
    server = bench.servers["server"]
    before, started = cpu_of_tree(server), time.perf_counter()
    for _ in range(REQUESTS):
        found = fetch(http, path, params)
        assert len(found.get("data", found.get("results"))) == PER_PAGE
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
