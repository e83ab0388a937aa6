"""What the server's bundle costs on its own: `python -m tests.bench.bundle [--items N] [--postgres]`.

CPU seconds of this process and, on PostgreSQL, of its server with all backends, as ratios of rounds that take turns, medians. The
floor dumps the same rows, joined with the same tables, by the driver's cursor (SQLite) or `COPY … TO` (PostgreSQL),
with nothing around them: no JSON, no order, no checksum, no disk sync. A delta is what changed since: one row in a
hundred.
"""

import argparse
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import text

from synapse_sdk.wire.bundle import ExportTarget
from synapse_sdk.wire.jobs import AsyncJobStatus
from tests.backend.postgres import run_postgres
from tests.bench.filling import fill
from tests.bench.goals import Goal, middle, print_goals
from tests.bench.measure import cpu_of_tree
from tests.engines.needed import EngineMissingError
from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.models import AsyncJob, JobKind
from web_helper.backend.queries.data import storages
from web_helper.backend.queries.export_rows import EXPORT_SOURCES, select_target
from web_helper.backend.services.bootstrap import bootstrap

ROUNDS = 5
ROWS_PER_FETCH = 200
BUNDLE_TIMES_FLOOR, DELTA_SHARE = 1.5, 0.03


@dataclass(frozen=True)
class Bench:
    database: Database
    settings: Settings
    project: int
    postmaster: int | None

    def cost(self, act: Callable[[], object]) -> float:
        """CPU seconds of this process and of PostgreSQL's, ended ones included."""
        before = self._cpu_seconds()
        act()
        return self._cpu_seconds() - before

    def _cpu_seconds(self) -> float:
        return time.process_time() + (cpu_of_tree(self.postmaster) if self.postmaster else 0.0)

    def floor(self) -> None:
        """The rows as they are, into a file."""
        selection = select_target(ExportTarget.TASK, {"project": self.project}, viewer_id=None)
        statement = selection.apply(EXPORT_SOURCES[ExportTarget.TASK].columns())
        with self.database.snapshot() as session, (self.settings.home / "floor").open("wb") as file:
            connection = session.connection()
            if connection.dialect.name == "sqlite":
                _dump_cursor(connection.execute(statement).cursor, file)
                return
            driver: Any = connection.connection.driver_connection
            compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
            with driver.cursor() as cursor, cursor.copy(f"COPY ({compiled}) TO STDOUT", compiled.params) as copy:
                for block in copy:
                    file.write(block)

    def bundle(self, since: str | None = None) -> str:
        """One job from its row to its end; answers the mark of its snapshot."""
        job_id = str(uuid.uuid4())
        with self.database.write() as session:
            storage = storages.default_storage(session)
            assert storage is not None
            options = {"include_files": True} if since is None else {"include_files": True, "since": since}
            params = {"target": "task", "project": self.project, "filter": {"project": self.project},
                      "options": options, "storage": storage.id}  # fmt: skip
            session.add(AsyncJob(id=job_id, kind=JobKind.EXPORT, project_id=self.project, params=params))
        job = ExportJob(self.database, self.settings)
        built = job.build(job_id)
        assert built is not None
        assert built["end"]["status"] == AsyncJobStatus.SUCCEEDED, built
        job.finish(job_id, built)
        return built["end"]["result"]["manifest"]["snapshot"]

    def change_a_hundredth(self) -> None:
        with self.database.write() as session:
            session.execute(text("UPDATE tasks SET meta = '{}' WHERE id % 100 = 7"))


def _dump_cursor(cursor: Any, file: Any) -> None:
    while rows := cursor.fetchmany(ROWS_PER_FETCH):
        file.write("".join([f"{a}\t{b}\t{c}\t{d}\t{e}\t{f}\n" for a, b, c, d, e, f in rows]).encode())


@contextmanager
def open_bench(items: int, *, postgres: bool) -> Iterator[Bench]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="synapse-bundle-")))
        url = None
        if postgres:
            pattern = stack.enter_context(run_postgres())
            engine = sqlalchemy.create_engine(pattern.format("postgres"), isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                # Its own housekeeping would be counted now with one side, now with the other.
                for statement in (
                    "ALTER SYSTEM SET autovacuum = off",
                    "SELECT pg_reload_conf()",
                    "CREATE DATABASE bench",
                ):
                    connection.exec_driver_sql(statement)
            engine.dispose()
            url = pattern.format("bench")
        settings = Settings(home=home, database_url=url)
        bootstrap(settings)
        database = Database(settings.sqlalchemy_url)
        stack.callback(database.dispose)
        yield Bench(database, settings, fill(database, "bench", items), _postmaster_of(database) if postgres else None)


def _postmaster_of(database: Database) -> int:
    """The process that all of PostgreSQL's are children of."""
    with database.engine.connect() as connection:
        backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    return int(Path(f"/proc/{backend}/stat").read_text().rsplit(")", 1)[1].split()[1])


def bundles(items: int, rounds: int, *, postgres: bool) -> Iterator[Goal]:
    """The goals on one database."""
    costs: dict[str, list[float]] = {"floor": [], "bundle": [], "delta": []}
    with open_bench(items, postgres=postgres) as bench:
        for _ in range(rounds):
            marks: list[str] = []
            costs["floor"].append(bench.cost(bench.floor))
            costs["bundle"].append(bench.cost(lambda: marks.append(bench.bundle())))  # noqa: B023
            bench.change_a_hundredth()
            costs["delta"].append(bench.cost(lambda: bench.bundle(marks[0])))  # noqa: B023
    floor, bundle, delta = (middle(values) for values in costs.values())
    what = f"{'PostgreSQL' if postgres else 'SQLite'}, {items:,} rows"
    plain = "COPY … TO" if postgres else "the raw cursor's dump"
    facts = {"floor_cpu_seconds": floor, "cpu_seconds": bundle, "delta_cpu_seconds": delta}
    yield Goal(f"server's bundle, {what}: CPU against {plain}", bundle / floor, BUNDLE_TIMES_FLOOR, facts=facts)
    yield Goal(f"server's bundle, {what}: CPU per 100,000", bundle * 100_000 / items, None, "s")
    yield Goal(f"server's delta of 1 %, {what}: share of the whole bundle", delta / bundle, DELTA_SHARE)


def bundles_everywhere(items: int, rounds: int) -> Iterator[Goal]:
    """On SQLite, and on PostgreSQL where there is one."""
    yield from bundles(items, rounds, postgres=False)
    try:
        yield from bundles(items, rounds, postgres=True)
    except EngineMissingError as exc:
        print(exc, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    goals = list(bundles(options.items, options.rounds, postgres=options.postgres))
    print_goals(goals, as_json=options.as_json)
    sys.exit(any(goal.is_met is False for goal in goals))


if __name__ == "__main__":
    main()
