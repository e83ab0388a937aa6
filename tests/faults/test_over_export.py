"""`ids`, `ids_ex` and `search` never let a row through that was not asked for, nor keep one back: on every path, at volume.

What should come out is said by a few lines of Python over the list of all rows, not by the server's own filters.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select

from tests.bench.filling import fill
from tests.faults.reading import rows_by_job, rows_by_stream
from tests.faults.stage import Stage
from web_helper.backend.core.database import Database
from web_helper.backend.models import DataUnit, GroundTruth, GroundTruthDataset, GroundTruthEvent, Task

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("faults"), pytest.mark.timeout(900)]
ROWS, CASES = 20_000, 12
# Of a released version, A is C: its snapshot answers.
READERS = {"A": rows_by_job, "B": rows_by_stream}


@dataclass(frozen=True)
class World:
    """A project of many tasks, one beside it, and a released version of ground truth of the first."""

    project: int
    other: int
    version: int
    tasks: dict[int, str]
    strangers: list[int]
    events: dict[int, str]


@pytest.fixture(scope="module")
def world(sqlite_stage: Stage) -> World:
    database = sqlite_stage.database
    project, other = fill(database, "large", ROWS), fill(database, "beside", 500)
    dataset = make_truths(database, project)
    with sqlite_stage.client() as client:
        version = client.ground_truth_datasets.release(dataset, "1.0")["id"]
        snapshot_is_made(client)
    with database.read() as session:
        names = select(Task.id, DataUnit.name).join(DataUnit, DataUnit.id == Task.data_unit_id)
        tasks = {row[0]: row[1] for row in session.execute(names.where(Task.project_id == project))}
        strangers = [row[0] for row in session.execute(names.where(Task.project_id == other))]
        query = select(GroundTruthEvent.pgh_id, DataUnit.name).join(
            DataUnit, DataUnit.id == GroundTruthEvent.data_unit_id
        )
        events = {row[0]: row[1] for row in session.execute(query.where(GroundTruthEvent.dataset_id == dataset))}
    return World(project, other, version, tasks, strangers, events)


def make_truths(database: Database, project: int) -> int:
    """A curated truth of every task, each with the event of its making."""
    with database.write() as session:
        dataset = GroundTruthDataset(project_id=project, name="gold")
        session.add(dataset)
        session.flush()
        text = msgspec.json.encode({"annotations": []}).decode()
        units = session.scalars(select(Task.data_unit_id).where(Task.project_id == project).order_by(Task.id)).all()
        common = {"dataset_id": dataset.id, "data": text}
        session.execute(insert(GroundTruth), [{**common, "data_unit_id": unit} for unit in units])
        truths = session.execute(
            select(GroundTruth.id, GroundTruth.data_unit_id).where(GroundTruth.dataset_id == dataset.id)
        )
        session.execute(insert(GroundTruthEvent), [
            {**common, "pgh_label": "insert", "ground_truth_id": row[0], "data_unit_id": row[1]} for row in truths
        ])  # fmt: skip
        return dataset.id


def snapshot_is_made(client: Any) -> None:
    (job,) = client.async_jobs.list(kind="snapshot")
    for _ in client.async_jobs.stream_progress(job["job_id"] if isinstance(job, dict) else job.job_id):
        pass


def cases(names: dict[int, str], strangers: list[int]) -> Iterator[tuple[dict[str, Any], set[int]]]:
    """Filters as people write them, and the ids that they select."""
    chance, ids = random.Random(5), sorted(names)
    for number in range(CASES):
        filters: dict[str, Any] = {}
        selected = set(ids)
        if number % 3 != 1:
            # Also ids of another project, and of nothing.
            wanted = chance.sample(ids, chance.choice([1, 50, 3000])) + chance.sample(strangers, 5) + [10**9]
            filters["ids"], selected = wanted, selected & set(wanted)
        if number % 3 != 2 or number == 2:
            unwanted = chance.sample(ids, chance.choice([1, 700])) + chance.sample(strangers, 5)
            filters["ids_ex"], selected = unwanted, selected - set(unwanted)
        if number % 2:
            part = chance.choice(["Frame_0000", "_00000", "0077", ".PNG", "%", "nothing of this name"])
            filters["search"] = part
            selected = {each for each in selected if part.casefold() in names[each].casefold()}
        yield filters, selected


def require_same(found: list[int], selected: set[int], filters: dict[str, Any]) -> None:
    said = {name: value if name == "search" else f"{len(value)} ids" for name, value in filters.items()}
    extra, lost = set(found) - selected, selected - set(found)
    assert not extra, f"{said} let {len(extra)} rows through that were not asked for, such as {min(extra)}"
    assert not lost, f"{said} kept {len(lost)} rows back, such as {min(lost)}"
    assert found == sorted(selected)


@pytest.mark.parametrize("path", READERS)
def test_an_export_of_tasks_is_what_the_filter_says(sqlite_stage: Stage, world: World, path: str):
    seen = set()
    for filters, selected in cases(world.tasks, world.strangers):
        found = [row["id"] for row in READERS[path](sqlite_stage, "task", world.project, **filters)]
        require_same(found, selected, filters)
        seen.add(len(found))
    assert len(seen) > CASES // 2, "the filters hardly differ: the test shows nothing"


@pytest.mark.parametrize("path", READERS)
def test_an_export_of_a_released_version_is_what_the_filter_says(sqlite_stage: Stage, world: World, path: str):
    whole = [row["id"] for row in READERS[path](sqlite_stage, "ground_truth", None, ground_truth_dataset_version=world.version)]  # fmt: skip
    assert whole == sorted(world.events)
    for filters, selected in cases(world.events, [10**8 + number for number in range(500)]):
        asked = {"ground_truth_dataset_version": world.version, **filters}
        found = [row["id"] for row in READERS[path](sqlite_stage, "ground_truth", None, **asked)]
        require_same(found, selected, filters)


def test_only_a_whole_released_version_comes_from_its_snapshot(sqlite_stage: Stage, world: World):
    """Path C: a snapshot in answer to a smaller wish would be all that was not asked for."""
    whole, some = {"ground_truth_dataset_version": world.version}, min(world.events)
    parts: list[dict[str, Any]] = [{"ids": [some]}, {"ids_ex": [some]}, {"search": "_00000"}, {"pgh_label": "insert"}]
    with sqlite_stage.client() as client:
        kinds = []
        for more in ({}, *parts):
            made = client.plugin_exports.create(
                target="ground_truth", project=None, filter={**whole, **more}, options={}
            )
            kinds.append(client.async_jobs.retrieve(made.job_id).kind)
    assert kinds == ["snapshot", *["export"] * len(parts)]


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("wrong", [{"idz": [1]}, {"ids": ["one"]}, {"ids": [1, None]}])
def test_a_filter_that_is_not_one_exports_nothing(sqlite_stage: Stage, world: World, path: str, wrong: dict):
    with pytest.raises(Exception, match=r"(?i)filter|integer|number|valid"):
        list(READERS[path](sqlite_stage, "task", world.project, **wrong))
