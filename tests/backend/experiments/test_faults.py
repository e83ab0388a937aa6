"""The database fails at any statement of any change: all of it happened, or nothing, and the same again succeeds.

Enumerated: each change is counted on a first pass, then repeated with its first, second, … statement failing, and at last
its commit, as it would with a full disk.
"""

import itertools
import sqlite3

import pytest
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from synapse_sdk.exceptions import ServerError
from tests.backend.experiments.lab import CONFIG
from tests.backend.experiments.test_notifications import MINE, conflict
from tests.backend.factories import SQLITE_ONLY

pytestmark = SQLITE_ONLY
GRID = f"{CONFIG}lr: [1, 2, 3]\n"
FULL = sqlite3.OperationalError("database or disk is full")
TABLES = (
    "experiments", "experiment_submissions", "experiment_component_sets", "experiment_chunks", "component_manifests",
    "component_manifest_entries", "devices", "device_conflicts",
)  # fmt: skip


class FullDisk:
    """Lets the n-th write of the next change fail; never when n is None."""

    def __init__(self, engine) -> None:
        self.fail_at: int | None = None
        self.writes = 0
        event.listen(engine, "before_cursor_execute", self.before_statement)
        event.listen(engine, "commit", self.before_commit)

    def before_statement(self, _connection, _cursor, statement, *_rest) -> None:
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            self.count()

    def before_commit(self, _connection) -> None:
        self.count()

    def count(self) -> None:
        self.writes += 1
        if self.writes == self.fail_at:
            raise OperationalError("a write", {}, FULL)


@pytest.fixture
def disk(database):
    return FullDisk(database.engine)


def contents(database) -> dict[str, list]:
    """All rows, without times: those differ whatever happens."""
    found = {}
    with database.engine.connect() as connection:
        for table in TABLES:
            columns = [
                column["name"]
                for column in sqlalchemy.inspect(connection).get_columns(table)
                if column["name"] not in {"created", "started", "finished", "expires", "last_seen_at", "answered_at"}
            ]
            found[table] = connection.execute(
                sqlalchemy.text(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2")
            ).all()
    return found


def prepare_submission(lab):
    keys = itertools.count()
    return lambda: lab.submit(GRID, key=f"key-{next(keys)}")


def prepare_claim(lab):
    lab.submit(GRID)
    host = lab.host()
    taken = []
    return lambda: taken.append(host.take(*taken))


def prepare_start(lab):
    lab.submit_one()
    host = lab.host()
    job = host.take()
    return lambda: host.start(job)


def prepare_delta(lab):
    lab.submit_one()
    host = lab.host()
    job = host.take()
    host.start(job)
    return lambda: host.client.send_log(job.experiment.uid, job.attempt, 0, b"hello")


def prepare_end(lab):
    lab.submit_one()
    host = lab.host()
    job = host.take()
    host.start(job)
    return lambda: host.end(job)


def prepare_loss(lab):
    lab.submit_one()
    silent, well = lab.host("silent"), lab.host("well")
    silent.start(silent.take())
    lab.silence("silent", 100)
    return well.beat


def prepare_reproduction(lab):
    uid = lab.submit_one()
    return lambda: lab.people.reproduce(uid, key="again")


def prepare_cancellation(lab):
    uid = lab.submit_one()
    return lambda: lab.people.cancel(uid)


def prepare_question(lab):
    host = lab.host()
    host.client.report_conflict(conflict())
    return lambda: host.client.report_conflict(conflict(MINE * 2))


def prepare_answer(lab):
    asked = lab.host().client.report_conflict(conflict())
    return lambda: lab.people.answer_notification(asked.id, "use_local")


PREPARATIONS = {
    each: globals()[f"prepare_{each}"]
    for each in (
        "submission", "claim", "start", "delta", "end", "loss", "reproduction", "cancellation", "question", "answer"
    )
}  # fmt: skip


@pytest.mark.parametrize("change", PREPARATIONS)
def test_a_full_disk_at_any_write_leaves_all_or_nothing(lab, disk, database, change):
    act = PREPARATIONS[change](lab)
    failures = 0
    while True:
        before = contents(database)
        disk.writes, disk.fail_at = 0, failures + 1
        try:
            act()
        except ServerError:
            pass
        else:
            break
        finally:
            disk.fail_at = None
        failures += 1
        assert contents(database) == before, f"write {failures} of {change}"

    assert failures >= 2
    assert contents(database) != before
