"""Where parts are cut: by ids alone, so that a row that comes or goes touches one part."""

import random
from collections import Counter

import pytest

from synapse_sdk.wire.bundle import ExportTarget
from web_helper.backend.jobs.parts.plan import PartRange, name_part, plan_ranges, stretch_bits


def plan(ids, max_rows: int) -> list[PartRange]:
    counts = Counter(row_id >> stretch_bits(max_rows) for row_id in ids)
    return plan_ranges(sorted(counts.items()), max_rows)


@pytest.mark.parametrize("max_rows", [1, 2, 3, 10, 50_000])
@pytest.mark.parametrize("seed", range(5))
def test_parts_hold_each_row_once_in_order_and_never_too_many(seed, max_rows):
    chance = random.Random(seed)
    ids = sorted({chance.randint(1, 10 ** chance.randint(1, 18)) for _ in range(200)} | set(range(500, 700)))
    ranges = plan(ids, max_rows)
    held = [[row_id for row_id in ids if place.first_id <= row_id <= place.last_id] for place in ranges]
    assert [len(rows) for rows in held] == [place.rows for place in ranges]
    assert [row_id for rows in held for row_id in rows] == ids
    assert all(0 < place.rows <= max_rows for place in ranges)


@pytest.mark.parametrize("seed", range(5))
def test_a_row_that_comes_or_goes_touches_its_own_part_only(seed):
    chance = random.Random(seed)
    ids = set(chance.sample(range(1, 5000), 2000))
    before = plan(ids, 100)
    changed = chance.randint(1, 5000)
    after = plan(ids ^ {changed}, 100)
    untouched = {place for place in before if not place.first_id <= changed <= place.last_id}
    # A part that was nearly empty may now fit into its neighbour's half.
    assert len(untouched - set(after)) <= 1
    assert len(after) > 10


def test_an_empty_export_has_one_empty_part_and_a_small_one_a_single_file():
    assert plan([], 10) == [PartRange(0, 2**63 - 1, 0)]
    assert plan(range(1, 11), 10) == [PartRange(0, 2**63 - 1, 10)]
    assert name_part(ExportTarget.TASK, 0, 1) == "tasks.jsonl"
    assert name_part(ExportTarget.ASSIGNMENT, 7, 9) == "assignments-00007.jsonl"
