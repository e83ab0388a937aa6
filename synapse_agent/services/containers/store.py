"""The agent's database of containers and builds: one SQLite file below its home.

Two facts are the database's to keep, so that requests at the same moment cannot break them: a release and a model have
one container (no model is a model, too), and a record has one build at a time. A port belongs to one record.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synapse_agent.services.containers.records import AppFacts, BuildRow, ContainerRow, Wanted, WarmRow, spec_of
from synapse_sdk.wire.containers import BuildStatus, ContainerStatus

BUSY_SECONDS = 30.0
KEPT_BUILDS = 200
_FINAL = "('completed', 'failed', 'cancelled')"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS containers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    plugin_release TEXT NOT NULL, model INTEGER,
    checksum TEXT NOT NULL, spec TEXT NOT NULL, image TEXT NOT NULL, app TEXT NOT NULL,
    params TEXT NOT NULL, envs TEXT NOT NULL, labels TEXT NOT NULL, metadata TEXT NOT NULL,
    container_id TEXT, name TEXT, host_port INTEGER UNIQUE,
    status TEXT NOT NULL, error TEXT, build_id TEXT,
    used_at REAL NOT NULL, received INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL, adopted TEXT, waiting INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS warm (
    container_id TEXT PRIMARY KEY, kit TEXT NOT NULL, host_port INTEGER NOT NULL UNIQUE, is_ready INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS one_container_a_pair ON containers (plugin_release, ifnull(model, 'none'));
CREATE TABLE IF NOT EXISTS builds (
    id TEXT PRIMARY KEY, row_id INTEGER NOT NULL, plugin_release TEXT NOT NULL, status TEXT NOT NULL, error TEXT,
    is_restarted INTEGER NOT NULL DEFAULT 0, recreated TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS one_build_at_a_time ON builds (row_id) WHERE status NOT IN {_FINAL};
"""
_IS_BUILT = f"EXISTS (SELECT 1 FROM builds WHERE row_id = containers.id AND status NOT IN {_FINAL})"  # noqa: S608
_LATER = {"adopted": "TEXT", "waiting": "INTEGER NOT NULL DEFAULT 0"}
_JSON = ("params", "envs", "labels", "metadata", "app")


class NoPortLeftError(Exception):
    """Every port of the range is reserved or taken."""


class ContainerStore:
    """Containers and builds; safe to use from several threads.

    Args:
        path: The file; made readable for its owner only, as it holds what people gave to their apps.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        with self._connected() as db:
            # A reader does not wait for a writer.
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)
            there = {found["name"] for found in db.execute("PRAGMA table_info(containers)")}
            for name, kind in _LATER.items():
                if name not in there:
                    # A file of an older agent.
                    db.execute(f"ALTER TABLE containers ADD COLUMN {name} {kind}")

    def want(self, wanted: Wanted) -> ContainerRow:
        """Note what is asked of a container; answers its record, which is new or the one that was there."""
        with self._transaction() as db:
            return _upsert(db, wanted)

    def begin_build(self, row_id: int) -> tuple[BuildRow, bool]:
        """The build of a record that goes on, or a new one; and whether it is new."""
        with self._transaction() as db:
            active = _active_build(db, row_id)
            if active is not None:
                return active, False
            row = _find(db, row_id)
            if row is None:
                raise LookupError(row_id)
            return _begin_build(db, row), True

    def find(self, row_id: int) -> ContainerRow | None:
        with self._connected() as db:
            return _find(db, row_id)

    def find_idle(self, row_id: int) -> ContainerRow | None:
        """A record that no build is at work on."""
        with self._connected() as db:
            # One statement sees one moment.
            sql = f"SELECT * FROM containers WHERE id = ? AND NOT {_IS_BUILT}"  # noqa: S608
            found = db.execute(sql, (row_id,)).fetchone()
            return _row_of(found) if found else None

    def search(self, key: str) -> ContainerRow | None:
        """A record by the engine's id (or a beginning of 12 and more characters), its number, or its name."""
        with self._connected() as db:
            where = "container_id = ?1 OR name = ?1 OR CAST(id AS TEXT) = ?1"
            found = db.execute(f"SELECT * FROM containers WHERE {where}", (key,)).fetchall()  # noqa: S608
            if not found and len(key) >= 12:
                sql = "SELECT * FROM containers WHERE substr(container_id, 1, ?) = ?"
                found = db.execute(sql, (len(key), key)).fetchall()
            return _row_of(found[0]) if len(found) == 1 else None

    def all(self) -> list[ContainerRow]:
        """Every record, newest first."""
        with self._connected() as db:
            return [_row_of(found) for found in db.execute("SELECT * FROM containers ORDER BY id DESC")]

    def change(self, row_id: int, **values: Any) -> bool:
        """Write fields of a record; False when it is gone."""
        with self._transaction() as db:
            return _change(db, row_id, values)

    def note_status(self, row: ContainerRow, status: ContainerStatus) -> bool:
        """Write the status of an idle record's container; False when a build has begun since it was read."""
        sql = f"UPDATE containers SET status = ?, updated_at = ? WHERE id = ? AND build_id IS ? AND NOT {_IS_BUILT}"  # noqa: S608
        with self._transaction() as db:
            return db.execute(sql, (status, _now(), row.id, row.build_id)).rowcount == 1

    def delete(self, row_id: int) -> ContainerRow | None:
        """Forget a record and answer what it was; its build, if one goes on, is cancelled."""
        with self._transaction() as db:
            row = _find(db, row_id)
            sql = f"UPDATE builds SET status = ?, updated_at = ? WHERE row_id = ? AND status NOT IN {_FINAL}"  # noqa: S608
            db.execute(sql, (BuildStatus.CANCELLED, _now(), row_id))
            db.execute("DELETE FROM containers WHERE id = ?", (row_id,))
            return row

    def reserve_port(self, row_id: int, ports: range, is_free: Callable[[int], bool]) -> int:
        """Give a record a port that no other record has and no program uses.

        Raises:
            NoPortLeftError: There is none.
        """
        with self._transaction() as db:
            port = _free_port(db, ports, is_free)
            _change(db, row_id, {"host_port": port})
            return port

    def reserve_warm(self, kit: str, ports: range, is_free: Callable[[int], bool]) -> WarmRow:
        """A place in the pool with a port of its own, for a container that is not made yet.

        Raises:
            NoPortLeftError: There is none.
        """
        with self._transaction() as db:
            port = _free_port(db, ports, is_free)
            place = WarmRow(f"reserved-{port}", kit, port, is_ready=False)
            db.execute("INSERT INTO warm VALUES (?, ?, ?, 0)", (place.container_id, kit, port))
            return place

    def fill_warm(self, place: WarmRow, container_id: str) -> None:
        """Note the container of a place."""
        with self._transaction() as db:
            db.execute("UPDATE warm SET container_id = ? WHERE container_id = ?", (container_id, place.container_id))

    def all_warm(self) -> list[WarmRow]:
        """The pool."""
        with self._connected() as db:
            rows = db.execute("SELECT * FROM warm ORDER BY rowid").fetchall()
            return [
                WarmRow(found["container_id"], found["kit"], found["host_port"], bool(found["is_ready"]))
                for found in rows
            ]

    def note_ready(self, container_id: str) -> None:
        with self._transaction() as db:
            db.execute("UPDATE warm SET is_ready = 1 WHERE container_id = ?", (container_id,))

    def forget_warm(self, container_id: str) -> bool:
        """Take one out of the pool; False when somebody else did."""
        with self._transaction() as db:
            return db.execute("DELETE FROM warm WHERE container_id = ?", (container_id,)).rowcount == 1

    def adopt(self, row: ContainerRow, kit: str) -> WarmRow | None:
        """Make a container that waits the record's own, with its port; None when none is ready."""
        with self._transaction() as db:
            found = db.execute("SELECT * FROM warm WHERE kit = ? AND is_ready LIMIT 1", (kit,)).fetchone()
            if found is None:
                return None
            db.execute("DELETE FROM warm WHERE container_id = ?", (found["container_id"],))
            values = {"container_id": found["container_id"], "host_port": found["host_port"], "name": None}
            _change(db, row.id, {**values, "adopted": f"{row.checksum} {row.spec}"})
            return WarmRow(found["container_id"], kit, found["host_port"], is_ready=True)

    def find_build(self, build_id: str) -> BuildRow | None:
        with self._connected() as db:
            found = db.execute("SELECT * FROM builds WHERE id = ?", (build_id,)).fetchone()
            return _build_of(found) if found else None

    def active_build(self, row_id: int) -> BuildRow | None:
        """The record's build that goes on."""
        with self._connected() as db:
            return _active_build(db, row_id)

    def active_builds(self) -> list[BuildRow]:
        """Builds that go on, oldest first."""
        with self._connected() as db:
            sql = f"SELECT * FROM builds WHERE status NOT IN {_FINAL} ORDER BY created_at"  # noqa: S608
            return [_build_of(found) for found in db.execute(sql)]

    def change_build(self, build_id: str, **values: Any) -> bool:
        """Write fields of a build that goes on; False when it has ended."""
        with self._transaction() as db:
            return _change_build(db, build_id, values)

    def finish_build(self, build_id: str, done: ContainerRow, **values: Any) -> bool:
        """Complete a build whose container runs; False when something else is asked of the record than was done.

        In one step: what is asked before it is done by this build, too, and what is asked after it by one of its own.
        """
        with self._transaction() as db:
            row = _find(db, done.id)
            if row is None or (row.checksum, row.spec) != (done.checksum, done.spec):
                return False
            _change(db, row.id, {"status": ContainerStatus.RUNNING, "error": None, "used_at": time.time()})
            _change_build(db, build_id, {"status": BuildStatus.COMPLETED, **values})
            return True

    def fail_build(self, build_id: str, tried: ContainerRow, error: str) -> bool:
        """End a build that failed; False when something else is asked of the record than was tried."""
        with self._transaction() as db:
            row = _find(db, tried.id)
            if row is not None and (row.checksum, row.spec) != (tried.checksum, tried.spec):
                return False
            _change(db, tried.id, {"status": ContainerStatus.FAILED, "error": error, "host_port": None})
            _change_build(db, build_id, {"status": BuildStatus.FAILED, "error": error})
            return True

    def forget_old_builds(self) -> list[str]:
        """Forget the oldest builds that are over; answers their ids."""
        with self._transaction() as db:
            sql = f"SELECT id FROM builds WHERE status IN {_FINAL} ORDER BY created_at DESC LIMIT -1 OFFSET ?"  # noqa: S608
            old = [found[0] for found in db.execute(sql, (KEPT_BUILDS,))]
            db.executemany("DELETE FROM builds WHERE id = ?", [(build_id,) for build_id in old])
            return old

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            yield db
        finally:
            db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as db:
            # The lock is taken before anything is read that is then built on.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")


def _free_port(db: sqlite3.Connection, ports: range, is_free: Callable[[int], bool]) -> int:
    sql = "SELECT host_port FROM containers WHERE host_port IS NOT NULL UNION SELECT host_port FROM warm"
    used = {found[0] for found in db.execute(sql)}
    for port in ports:
        if port not in used and is_free(port):
            return port
    raise NoPortLeftError(f"All ports from {ports.start} to {ports.stop - 1} are in use; remove a container.")


def _upsert(db: sqlite3.Connection, wanted: Wanted) -> ContainerRow:
    row = _find_pair(db, wanted.plugin_release, wanted.model)
    given = {name: value for name, value in vars(wanted).items() if value is not None}
    kept = {} if row is None else {name: getattr(row, name) for name in ("params", "envs", "app")}
    facts: dict[str, Any] = {"params": {}, "envs": {}} | kept | given
    values = given | {"spec": spec_of(facts["params"], facts["envs"], facts["app"]), "used_at": time.time()}
    if row is not None:
        _change(db, row.id, values)
        return _find(db, row.id) or row
    blank = {"params": {}, "envs": {}, "labels": (), "metadata": {}, "status": ContainerStatus.BUILDING}
    values = blank | values | {"model": wanted.model, "created_at": _now(), "updated_at": _now()}
    encoded = _encoded(values)
    columns, marks = ", ".join(encoded), ", ".join("?" * len(encoded))
    made = db.execute(f"INSERT INTO containers ({columns}) VALUES ({marks})", tuple(encoded.values()))  # noqa: S608
    found = _find(db, int(made.lastrowid or 0))
    assert found is not None
    return found


def _change(db: sqlite3.Connection, row_id: int, values: Mapping[str, Any]) -> bool:
    encoded = _encoded(values) | {"updated_at": _now()}
    names = ", ".join(f"{name} = ?" for name in encoded)
    sql = f"UPDATE containers SET {names} WHERE id = ?"  # noqa: S608 - names of our own columns.
    return db.execute(sql, (*encoded.values(), row_id)).rowcount == 1


def _change_build(db: sqlite3.Connection, build_id: str, values: Mapping[str, Any]) -> bool:
    names = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE builds SET {names}, updated_at = ? WHERE id = ? AND status NOT IN {_FINAL}"  # noqa: S608
    return db.execute(sql, (*values.values(), _now(), build_id)).rowcount == 1


def _begin_build(db: sqlite3.Connection, row: ContainerRow) -> BuildRow:
    build_id, now = str(uuid.uuid4()), _now()
    db.execute(
        "INSERT INTO builds (id, row_id, plugin_release, status, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
        (build_id, row.id, row.plugin_release, BuildStatus.QUEUED, now, now),
    )
    _change(db, row.id, {"build_id": build_id, "error": None})
    found = _active_build(db, row.id)
    assert found is not None
    return found


def _active_build(db: sqlite3.Connection, row_id: int) -> BuildRow | None:
    sql = f"SELECT * FROM builds WHERE row_id = ? AND status NOT IN {_FINAL}"  # noqa: S608
    found = db.execute(sql, (row_id,)).fetchone()
    return _build_of(found) if found else None


def _find(db: sqlite3.Connection, row_id: int) -> ContainerRow | None:
    found = db.execute("SELECT * FROM containers WHERE id = ?", (row_id,)).fetchone()
    return _row_of(found) if found else None


def _find_pair(db: sqlite3.Connection, plugin_release: str, model: int | None) -> ContainerRow | None:
    sql = "SELECT * FROM containers WHERE plugin_release = ? AND model IS ?"
    found = db.execute(sql, (plugin_release, model)).fetchone()
    return _row_of(found) if found else None


def _encoded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _json(value) if name in _JSON else value for name, value in values.items()}


def _json(value: Any) -> str:
    return json.dumps(asdict(value) if isinstance(value, AppFacts) else value, ensure_ascii=False)


def _row_of(found: sqlite3.Row) -> ContainerRow:
    values = dict(found) | {name: json.loads(found[name]) for name in _JSON}
    values["app"] = AppFacts(**values["app"])
    values["labels"] = tuple(values["labels"])
    values["status"] = ContainerStatus(values["status"])
    return ContainerRow(**values)


def _build_of(found: Mapping[str, Any] | sqlite3.Row) -> BuildRow:
    values = dict(found)
    values["status"] = BuildStatus(values["status"])
    values["is_restarted"] = bool(values["is_restarted"])
    return BuildRow(**values)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def filter_rows(rows: Sequence[ContainerRow], wishes: Mapping[str, Sequence[str]]) -> list[ContainerRow]:
    """The records that a list asks for; several filters must all hold, several values mean any of them."""
    return [row for row in rows if all(_fits(row, name, values) for name, values in wishes.items())]


def _fits(row: ContainerRow, name: str, values: Sequence[str]) -> bool:
    own = {str(row.id), row.container_id or ""}
    if name in {"ids", "ids_ex"}:
        return bool(own & set(values)) is (name == "ids")
    if name == "label":
        return bool(set(row.labels) & set(values))
    if name == "search":
        text = f"{row.plugin_release} {row.name or ''} {' '.join(row.labels)}".casefold()
        return any(value.casefold() in text for value in values)
    return str(getattr(row, name) if getattr(row, name) is not None else "") in values
