"""Notes of unfinished exports, and two processes that want the same one."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from synapse_sdk.cli.exporting.notes import ExportNote, notes_folder
from synapse_sdk.cli.failures import UsageError
from synapse_sdk.exceptions import ConfigurationError, ExportError
from synapse_sdk.utils import auth


def test_an_export_that_another_process_completes_at_this_moment_is_not_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(auth, "CONFIG_FILE", tmp_path / "config.json")
    ExportNote.write("1234", "http://server", {}).close()
    lock = fcntl.flock

    def lock_when_it_is_over(descriptor, operation):
        (notes_folder() / "1234.json").unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_when_it_is_over)
    with pytest.raises(ConfigurationError, match="knows of no unfinished export"):
        ExportNote.open("1234")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(auth, "CONFIG_FILE", tmp_path / "config.json")
    return notes_folder()


def written(folder, job_id, days_ago):
    """A note of an export that broke off so long ago."""
    ExportNote.write(job_id, "http://server", {}).close()
    then = time.time() - days_ago * 24 * 3600
    os.utime(folder / f"{job_id}.json", (then, then))


def test_a_note_that_nobody_came_back_for_is_gone_after_a_month(folder):
    written(folder, "forgotten", 31)
    written(folder, "recent", 29)
    written(folder, "long-running", 32)
    with closing(ExportNote.open("long-running")):
        ExportNote.write("new", "http://server", {}).close()
    assert {path.stem for path in folder.iterdir()} == {"recent", "long-running", "new"}


def test_of_many_unfinished_exports_the_newest_are_shown(folder):
    for days_ago in range(1, 9):
        written(folder, f"of-day-{days_ago}", days_ago)
    with pytest.raises(ConfigurationError, match="of-day-1, of-day-2, of-day-3, of-day-4, of-day-5 and 3 older ones"):
        ExportNote.open("another")


def test_an_option_is_no_job(folder):
    with pytest.raises(UsageError, match="'--json' is not the id of a job"):
        ExportNote.open("--json")


def test_a_note_that_does_not_fit_on_the_disk_leaves_nothing(folder, monkeypatch):
    def fill_up(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(OSError, match="No space left"):
        ExportNote.write("1234", "http://server", {})
    assert list(folder.iterdir()) == []


# Writes a note and dies, as by power loss, while the disk takes it.
DYING = """
import os, signal, sys
from pathlib import Path
from synapse_sdk.cli.exporting.notes import ExportNote
from synapse_sdk.utils import auth
auth.CONFIG_FILE = Path(sys.argv[1])
os.fsync = lambda _descriptor: os.kill(os.getpid(), signal.SIGKILL)
ExportNote.write("killed", "http://server", {})
"""


def test_half_a_note_of_a_process_that_was_killed_goes_with_the_next_one(folder):
    done = subprocess.run([sys.executable, "-c", DYING, str(auth.CONFIG_FILE)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = folder.iterdir()
    with closing(ExportNote.write("next", "http://server", {})):
        assert [path.name for path in folder.iterdir()] == ["next.json"], left


def test_half_a_note_of_a_process_that_goes_on_is_left_to_it(folder, monkeypatch):
    def while_another_begins(_descriptor):
        monkeypatch.undo()
        monkeypatch.setattr(auth, "CONFIG_FILE", folder.parent / "config.json")
        ExportNote.write("another", "http://server", {}).close()

    monkeypatch.setattr(os, "fsync", while_another_begins)
    ExportNote.write("slow", "http://server", {}).close()
    assert {path.name for path in folder.iterdir()} == {"another.json", "slow.json"}


def test_a_note_that_is_taken_for_a_dead_one_s_is_begun_anew(folder, monkeypatch):
    lock = fcntl.flock

    def lock_when_it_is_gone(descriptor, operation):
        monkeypatch.setattr(fcntl, "flock", lock)
        next(folder.iterdir()).unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_when_it_is_gone)
    with closing(ExportNote.write("1234", "http://server", {})), pytest.raises(ExportError, match="Another process"):
        ExportNote.open("1234")
