"""A synchronisation that is killed, or whose disk is full or broken, at every single write that it makes."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.worker.fault_shim import Fault
from tests.worker.killed_sync import EDIT, NEW, OLD

EXPECTED_ENDS = {
    Fault.KILLED: "killed",
    Fault.KILLED_HALFWAY: "killed",
    Fault.FULL: os.strerror(28),
    Fault.BROKEN: os.strerror(5),
    Fault.BROKEN_AFTER: os.strerror(5),
}
UNTOUCHED = {path: OLD.get(path) for path in NEW}
# What the server's version becomes under each strategy, and which files change places as one set.
FINAL = {
    "server_authoritative": NEW,
    "restore": NEW,
    "local_priority": NEW | {"loss/ce.py": EDIT},
    "interactive": NEW | {"loss/ce.py": EDIT},
}


@pytest.mark.parametrize(
    ("scenario", "exchange"),
    [
        ("server_authoritative", "exchange"),
        ("server_authoritative", "links"),
        ("local_priority", "exchange"),
        ("interactive", "exchange"),
        ("restore", "exchange"),
    ],
)
def test_whichever_write_fails_the_set_is_old_or_new_and_no_edit_is_lost(tmp_path, scenario, exchange):
    # In memory where that is possible: hundreds of small trees are made and removed.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else tmp_path) as folder:
        command = [sys.executable, "-m", "tests.worker.killed_sync", f"{folder}/case", scenario, exchange]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    (counted, *cases) = json.loads(done.stdout)
    edited = [case for case in cases if "later_stays" in case]
    cases = [case for case in cases if "recovered" in case]

    points = counted["points"]
    assert len(edited) == len(points)
    assert [case for case in edited if not (case["later_stays"] and case["edit_is_safe"])] == []
    assert {"open", "write", "fsync", "replace", "unlink"} <= set(points)
    assert len(cases) == 4 * len(points) + points.count("write")
    outcomes = set()
    for case in cases:
        where = f"{case['fault']} at write {case['number']} ({points[case['number'] - 1]})"
        # A folder that is there already need not be made: whatever the disk says to that is no failure.
        is_mkdir = points[case["number"] - 1] == "mkdir"
        ends = {EXPECTED_ENDS[case["fault"]], "done after all", *(["done"] if is_mkdir else [])}
        assert case["end"] in ends, where
        assert case["recovered"] in (UNTOUCHED, FINAL[scenario]), f"a mixed set after {where}: {case['recovered']}"
        assert case["edit_is_safe"], f"the edit was lost: {where}"
        assert case["bytecode_is_fresh"] or case["recovered"] == UNTOUCHED, where
        assert case["after"] == FINAL[scenario], where
        assert case["edit_is_safe_after"], where
        assert case["left_over"] == [], where
        outcomes.add(case["recovered"] == UNTOUCHED)
    assert outcomes == {True, False}
