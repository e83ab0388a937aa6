"""Ten exports while writers edit, add and delete tasks: each export shows the state of one moment.

Writers move amounts between tasks, each move in one transaction, and a task is deleted only after all that it has was given
to another. The sum over all tasks is therefore the same at every moment, and at no mixture of two moments.
"""

import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.faults.reading import rows_by_job, rows_by_stream
from tests.faults.stage import Stage
from web_helper.backend.core.database import YIELD_SECONDS, Database
from web_helper.backend.models import DataCollection, DataUnit, Project, Task

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("faults"), pytest.mark.timeout(900)]
PROJECT = "moving"
SCHEMA = {"class_schema": {"classes": [{"id": 1, "name": "thing"}]}}
TASKS, AMOUNT, WRITERS, BY_COMMAND, BY_JOB, BY_STREAM = 3000, 10, 3, 2, 4, 4
PER_TRANSACTION = 8
MOST_EXPORTS = 100
# SQLite lets one write at a time anyway.
PACE = threading.Lock()


def amount_text(amount: int) -> str:
    found = {"type": "bbox", "category": "thing", "bbox": [1, 1, 5, 5], "attributes": {"amount": amount}}
    return msgspec.json.encode({"annotations": [found]}).decode()


def amount_of(data: dict[str, Any]) -> int:
    (found,) = data["annotations"]
    return found["attributes"]["amount"]


def make_project(database: Database) -> int:
    with database.write() as session:
        collection = DataCollection(name=PROJECT)
        session.add(collection)
        session.flush()
        project = Project(name=PROJECT, data_collection_id=collection.id, configuration=SCHEMA)
        session.add(project)
        session.flush()
        for _ in range(TASKS):
            add_task(session, project, AMOUNT)
        return project.id


def add_task(session: Session, project: Project, amount: int) -> None:
    unit = DataUnit(data_collection_id=project.data_collection_id, name="unit.png", width=64, height=48)
    session.add(unit)
    session.flush()
    session.add(Task(project_id=project.id, data_unit_id=unit.id, data=amount_text(amount)))


class Writer:
    """Moves, adds and deletes until it is told to stop."""

    def __init__(self, database: Database, project: int, seed: int) -> None:
        self._database, self._project, self._chance = database, project, random.Random(seed)
        self._is_sqlite = database.engine.dialect.name == "sqlite"
        self._pace = PACE if self._is_sqlite else threading.Lock()
        self.commits = 0

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with self._pace:
                with self._database.write() as session:
                    self._act(session)
                self.commits += 1
                # Server and worker wait for SQLite's lock by looking now and then: they must find it free.
                stop.wait(YIELD_SECONDS if self._is_sqlite else 0.01)

    def _act(self, session: Session) -> None:
        # One writer at a time: a deadlock of ours would say nothing about exports.
        if self._database.engine.dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(7)"))
        tasks = session.execute(select(Task.id).where(Task.project_id == self._project)).scalars().all()
        project = session.get_one(Project, self._project)
        for _ in range(PER_TRANSACTION):
            # From one end of the scan to the other: what a scan of two moments would miss or see twice.
            first, last = self._chance.choice(tasks[: TASKS // 3]), self._chance.choice(tasks[-TASKS // 3 :])
            self._move(session, *self._chance.sample([first, last], 2))
        kind = self._chance.choice(["add", "delete", "edit"])
        if kind == "add":
            add_task(session, project, 0)
        elif kind == "delete":
            gone, heir = self._chance.sample(tasks, 2)
            self._move(session, gone, heir, everything=True)
            session.flush()
            session.delete(session.get_one(Task, gone))

    def _move(self, session: Session, giver: int, taker: int, *, everything: bool = False) -> None:
        source, target = session.get_one(Task, giver), session.get_one(Task, taker)
        has = amount_of(json.loads(source.data or ""))
        moved = has if everything else self._chance.randint(0, 3)
        source.data = amount_text(has - moved)
        target.data = amount_text(amount_of(json.loads(target.data or "")) + moved)


def by_command(stage: Stage, folder: Path) -> list[tuple[int, int]]:
    where = ("--project", PROJECT, "--target", "task", "--out", str(folder / "out"), "--name", "jsonl")
    command = stage.start(folder, "export", *where, "--format", "jsonl", "--images", "none")
    assert command.wait() == 0, command.words
    lines = (folder / "out" / "jsonl" / "annotations.jsonl").read_text().splitlines()
    return [(row["id"], amount_of(row)) for row in map(json.loads, lines)]


def test_each_export_is_the_state_of_one_moment(stage: Stage, tmp_path: Path):
    project, stop = make_project(stage.database), threading.Event()
    writers = [Writer(stage.database, project, seed) for seed in range(WRITERS)]
    found: list[list[tuple[int, int]]] = []
    with ThreadPoolExecutor(WRITERS + BY_COMMAND + BY_JOB + BY_STREAM) as pool:
        writing = [pool.submit(writer.run, stop) for writer in writers]
        try:
            # On a busy machine ten exports may be done before much was written: then ten more beside the same writers.
            while len(found) < MOST_EXPORTS and not shows_something(writers, found):
                found += ten_at_once(pool, stage, project, tmp_path / f"after-{len(found)}")
        finally:
            stop.set()
        for each in writing:
            each.result()
    assert shows_something(writers, found), "hardly anything was written, or nothing between exports"
    for rows in found:
        ids = [row_id for row_id, _ in rows]
        assert ids == sorted(set(ids))
        assert sum(amount for _, amount in rows) == TASKS * AMOUNT


def ten_at_once(pool: ThreadPoolExecutor, stage: Stage, project: int, folder: Path) -> list[list[tuple[int, int]]]:
    exports = [pool.submit(by_command, stage, folder / str(number)) for number in range(BY_COMMAND)]
    for read, count in ((rows_by_job, BY_JOB), (rows_by_stream, BY_STREAM)):
        exports += [pool.submit(amounts, read(stage, "task", project)) for _ in range(count)]
    return [export.result() for export in exports]


def shows_something(writers: list[Writer], found: list[list[tuple[int, int]]]) -> bool:
    return sum(writer.commits for writer in writers) > 20 and len({tuple(rows) for rows in found}) > 1


def amounts(rows: Any) -> list[tuple[int, int]]:
    return [(row["id"], amount_of(row["data"])) for row in rows]
