"""Puts items straight into an installation's database: `python -m tests.bench.filling DATABASE_URL PROJECT COUNT`.

The tables, indexes and triggers are the platform's own, and all of them work as on any other insert; only HTTP and the
checks of the API are left out. It goes on where it was stopped, because each transaction adds whole items in order.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from tests.bench.items import CLASSES, DRAWN, HEIGHT, WIDTH, drawn_texts, name_of
from web_helper.backend.core.database import Database
from web_helper.backend.models import DataCollection, DataUnit, Project, Task

ITEMS_PER_TRANSACTION = 20_000
SCHEMA = {"class_schema": {"classes": [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]}}
UNITS = ("id", "data_collection_id", "key", "name", "width", "height", "meta", "created")
TASKS = ("project_id", "data_unit_id", "status", "is_discarded", "data", "meta", "created")


@dataclass(frozen=True)
class Place:
    """Where the items belong. Units' ids follow `first`, so that a second run knows what is there."""

    project: int
    collection: int
    first: int


def fill(
    database: Database,
    name: str,
    count: int,
    report: Callable[[int], None] = lambda _done: None,
    *,
    is_alone: bool = False,
) -> int:
    """Add what is missing of `count` items to the project of this name; answers the project's id.

    `is_alone`: nobody else has the database open, so that SQLite need not write everything twice.
    """
    if is_alone and database.engine.dialect.name == "sqlite":
        event.listen(database.engine, "connect", _hurry)
    with database.write() as session:
        place = _place(session, name)
        done = session.scalar(select(func.count()).select_from(Task).where(Task.project_id == place.project)) or 0
    texts = [text.decode() for text in drawn_texts()]
    now = datetime.now(UTC)
    while done < count:
        numbers = range(done + 1, min(done + ITEMS_PER_TRANSACTION, count) + 1)
        with database.write() as session:
            _insert(session, DataUnit, UNITS, (_unit(place, number, now) for number in numbers))
            _insert(session, Task, TASKS, (_task(place, number, texts[number % DRAWN], now) for number in numbers))
        done = numbers[-1]
        report(done)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return place.project


def _hurry(connection: Any, _record: Any) -> None:
    # What is lost in a power cut is filled again.
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-100000")


def _place(session: Session, name: str) -> Place:
    project = session.scalar(select(Project).where(Project.name == name))
    if project is None:
        collection = DataCollection(name=name)
        session.add(collection)
        session.flush()
        project = Project(name=name, data_collection_id=collection.id, configuration=SCHEMA)
        session.add(project)
        session.flush()
    assert project.data_collection_id is not None
    of_collection = DataUnit.data_collection_id == project.data_collection_id
    first = session.scalar(select(func.min(DataUnit.id)).where(of_collection))
    if first is None:
        first = (session.scalar(select(func.max(DataUnit.id))) or 0) + 1
    return Place(project.id, project.data_collection_id, first)


def _unit(place: Place, number: int, now: datetime) -> tuple[Any, ...]:
    name = name_of(number)
    return place.first + number - 1, place.collection, name, name, WIDTH, HEIGHT, "{}", now


def _task(place: Place, number: int, text: str, now: datetime) -> tuple[Any, ...]:
    return place.project, place.first + number - 1, "pending", False, text, "{}", now


def _insert(session: Session, model: Any, columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> None:
    """With the driver's own means: an ORM's insert costs ten times as much."""
    table, names = model.__tablename__, ", ".join(columns)
    driver: Any = session.connection().connection.driver_connection
    if session.get_bind().dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        driver.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",
            ([str(v).replace("+00:00", "") if isinstance(v, datetime) else v for v in row] for row in rows),
        )
        return
    with driver.cursor() as cursor:
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        # Ids were given: what inserts next without one has to come after them.
        if "id" in columns:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")


def main() -> None:
    url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    started = time.monotonic()
    database = Database(url)
    try:
        fill(
            database, name, count, lambda done: print(f"{done:,} after {time.monotonic() - started:.1f} s", flush=True)
        )
    finally:
        database.dispose()


if __name__ == "__main__":
    main()
