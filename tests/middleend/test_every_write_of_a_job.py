"""A job at whose every single write the worker is killed, or the disk is full or broken."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs.pages import ROOT
from tests.worker.fault_shim import Fault

KILLS = {Fault.KILLED, Fault.KILLED_HALFWAY}
REASONS = {Fault.FULL: os.strerror(28), Fault.BROKEN: os.strerror(5), Fault.BROKEN_AFTER: os.strerror(5)}


def test_whichever_write_fails_the_job_is_done_once_or_says_why_it_did_not_start(tmp_path):
    # In memory where that is possible: hundreds of small trees are made and removed.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else tmp_path) as folder:
        command = [sys.executable, "-m", "tests.middleend.killed_job", folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    (whole, *cases) = json.loads(done.stdout)
    points = whole["points"]
    assert whole["unseen"] == [], "something wrote past the shim"
    assert {"open", "write", "fsync", "replace", "rename", "link", "mkdir", "unlink"} <= set(points)
    assert len(cases) == 4 * len(points) + points.count("write")
    for case in cases:
        where = f"{case['fault']} at write {case['number']} ({points[case['number'] - 1]}): {case}"
        assert case["cache"], where
        assert case["left"] == [], where
        if case["status"] == "completed":
            assert (case["starts"], case["tree"]) == (1, True), where
        else:
            # Nobody who was killed gives up: the next worker goes on.
            assert case["fault"] not in KILLS, where
            assert (case["status"], case["starts"]) == ("failed", 0), where
            assert case["message"] == f"The run did not start: {REASONS[Fault(case['fault'])]}.", where
