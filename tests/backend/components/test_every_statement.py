"""The server fails, or is killed, at every statement of each change of the store: all of it is done, or nothing."""

import json
import sqlite3
import subprocess
import sys
from itertools import groupby
from operator import itemgetter

import pytest
from sqlalchemy import event

from synapse_sdk.components.names import parse_component_path
from tests.backend.components.killed_store import NEW, OLD
from tests.backend.components.store import API
from tests.backend.factories import SQLITE_ONLY
from tests.docs.pages import ROOT

pytestmark = SQLITE_ONLY


def test_killed_at_any_statement_the_store_is_old_or_new(database_url, tmp_path):
    command = [sys.executable, "-m", "tests.backend.components.killed_store", str(tmp_path / "killed")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    cases = json.loads(done.stdout)
    acts = {name: list(found) for name, found in groupby(cases, itemgetter("act"))}
    assert list(acts) == ["upload", "activate", "activate_set", "change", "scan", "rollback"]
    for found in acts.values():
        assert found[0]["total"] == len(found) - 1 > 4
        for case in found:
            assert case["is_old"] or case["is_new"], case
            assert case["killed"] == (case["number"] <= case["total"]), case
            assert case["is_new"] == (not case["killed"]), case
            assert case["ends_new"], case


BODIES = {
    "/versions/upload": {"path": "model/net.py", "content": NEW["model/net.py"]},
    "/changes": {"changes": [{"path": path, "content": text} for path, text in NEW.items()]},
    "/changes/1/activate": {},
    "/versions/scan": {},
    "/rollback": {"paths": ["model/net.py"]},
    "/sync": {"need": None},
}


@pytest.mark.parametrize("fault", ["database or disk is full", "disk I/O error"])
@pytest.mark.parametrize("route", BODIES)
def test_a_disk_that_fails_at_any_statement_changes_nothing(store, database, settings, route, fault):
    store.upload("model/net.py", "n = 0\n")
    store.post("/changes", {"changes": [{"path": path, "content": text} for path, text in OLD.items()]})
    for path, text in NEW.items():
        file = settings.component_root / parse_component_path(path).file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    before, log = store.active(), store.log()
    state = {"seen": 0, "number": 0}

    def fail(*_arguments) -> None:
        state["seen"] += 1
        if state["seen"] == state["number"]:
            raise sqlite3.OperationalError(fault)

    event.listen(database.engine, "before_cursor_execute", fail)
    event.listen(database.engine, "commit", fail)
    for number in range(1, 100):
        state.update(seen=0, number=number)
        response = store.client.post(f"{API}{route}", json=BODIES[route])
        if state["seen"] < number:
            break
        state["number"] = 0
        assert response.status_code == 500, response.text
        assert response.json()["error"]["code"] == "INTERNAL_ERROR"
        assert fault not in response.text
        assert (store.active(), store.log()) == (before, log)
    state["number"] = 0
    assert response.status_code == 200
    assert number > 4
    assert (store.active() == before) == (route == "/sync")
