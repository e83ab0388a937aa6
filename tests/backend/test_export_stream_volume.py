"""Thousands of rows, any filter, any connection: a stream gives the rows that plain SQL selects, and not one more."""

import json
from itertools import count
from random import Random

import pytest

from tests.backend.factories import boxes
from tests.backend.work.oracle import select_ids

ROWS, CASES = 2500, 24
STATUSES = ["pending", "in_progress", "completed"]
NAMES = ["Cat {}.jpg", "dog_{}.png", "{} 100%.jpg", "ÉCLAIR {}.jpg", "고양이 {}.jpg"]
SEARCHES = ["cat", "_", "%", "éclair", "고양", "7", "nothing like it"]
PACKINGS = ["identity", "gzip", "zstd"]


@pytest.fixture
def projects(make):
    """Two projects whose rows lie between each other: whatever widens a selection shows."""
    projects, numbers = [make.project(), make.project()], count()
    for part in range(10):
        for project in projects:
            names = [NAMES[number % len(NAMES)].format(number) for number in (next(numbers) for _ in range(ROWS // 10))]
            fields = {"status": STATUSES[part % 3], "is_discarded": part % 4 == 3}
            tasks = make.tasks(project, names=names, data=boxes("cat"), **fields)
            work = make.assignments(project, tasks[::2], data=boxes("dog"), is_confirmed=part % 2 == 0)
            make.tag(project, f"part {part}", tasks=tasks[:50], assignments=work[:20])
    return projects


def filters_of(chance: Random, target: str) -> dict:
    ids = range(1, 2 * ROWS + 100)
    possible = {
        "ids": chance.sample(ids, chance.choice([0, 1, 40, 2000])),
        "ids_ex": chance.sample(ids, chance.choice([0, 1, 40, 2000])),
        "search": chance.choice(SEARCHES),
        "tags": [f"part {chance.randrange(10)}" for _ in range(3)],
        "is_discarded": chance.random() < 0.5,
    }
    more = {"task": {"status": chance.sample(STATUSES, 2)}, "assignment": {"is_confirmed": chance.random() < 0.5}}
    possible |= more[target]
    return {name: possible[name] for name in chance.sample(sorted(possible), chance.randrange(1, 4))}


def read_in_pieces(client, params: dict, chance: Random) -> list[int]:
    """Ids over connections that each end at some line, in any packing."""
    found: list[int] = []
    while True:
        headers = {"Accept-Encoding": chance.choice(PACKINGS)}
        answer = client.get("/v2/exports/stream/", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        lines = [json.loads(line) for line in answer.text.split("\n")[:-1]]
        if len(lines) < 50 or chance.random() < 0.5:
            assert "end" in lines[-1]
            return found + [line["row"]["id"] for line in lines[:-1]]
        kept = lines[: chance.randrange(1, len(lines) - 1)]
        found += [line["row"]["id"] for line in kept]
        params = {**params, "after": kept[-1]["token"]}


def test_no_stream_gives_a_row_that_was_not_asked_for(client, database, projects):
    chance = Random(20261121)
    for _ in range(CASES):
        target, project = chance.choice(["task", "assignment"]), chance.choice(projects)["id"]
        filters = filters_of(chance, target)
        query = {name: ",".join(map(str, v)) if isinstance(v, list) else v for name, v in filters.items()}
        streamed = read_in_pieces(client, {"target": target, "project": project, **query}, chance)
        expected = select_ids(database, f"{target}s", {**filters, "project": [project]})
        assert streamed == expected, filters
