"""What agents keep in folders that several of their threads change at once."""

import hashlib
import os
import uuid
from types import SimpleNamespace

import pytest

from synapse_agent.engines.local import engine as local
from synapse_agent.engines.local.engine import LocalEngine
from synapse_agent.engines.protocol import RunPlan
from synapse_agent.services.releases import KEPT_ARCHIVES, ReleaseCache
from synapse_agent.services.runs.history import RunHistory
from synapse_agent.services.runs.store import CONSOLE, Phase, RunFile, RunStore
from tests.processes import processes_with
from web_helper.middleend.worker import run_store as worker_runs

JOB = str(uuid.uuid4())
PRINTED = b"first\nlast\n"


class MovedMeanwhile(LocalEngine):
    """A run is closed right before the first look at what it printed."""

    def __init__(self, store):
        super().__init__()
        self.close = [lambda: store.close(JOB)]

    def read_console(self, folder, position, max_bytes):
        while self.close:
            self.close.pop()()
        return super().read_console(folder, position, max_bytes)


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "runs")
    store.take(JOB)
    ending = {"status": "succeeded", "exit_kind": "returned"}
    store.save(RunFile(JOB, phase=Phase.ENDED, ending=ending))
    console = store.folder_of(JOB) / CONSOLE
    console.mkdir()
    (console / f"{0:015d}.log").write_bytes(PRINTED)
    return store


def test_a_run_that_was_told_as_not_started_does_not_start_later(tmp_path, monkeypatch):
    # A machine on which the process that watches over a run takes too long to come up.
    slow = tmp_path / "shim.py"
    slow.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(local, "SHIM", slow)
    monkeypatch.setattr(local, "START_SECONDS", 0.0)
    folder = tmp_path / JOB
    folder.mkdir()

    with pytest.raises(OSError, match="did not start"):
        LocalEngine().start(RunPlan(folder, f"SYNAPSE_JOB_ID={JOB}", (), None, 1000, 1.0))

    assert not processes_with(str(folder))


def test_a_watcher_misses_nothing_of_a_run_that_is_closed_while_it_reads(store):
    lines = RunHistory(store, MovedMeanwhile(store)).read_lines(JOB, 0)

    assert [line.text for line in lines] == ["first", "last"]


def test_a_console_is_whole_though_its_run_is_closed_while_it_is_read(store):
    assert RunHistory(store, MovedMeanwhile(store)).console(JOB) == PRINTED.decode()


def test_a_run_that_ends_while_runs_are_listed_is_listed_once(store):
    history = RunHistory(store, LocalEngine())
    ended = store.ended

    def close_first():
        store.ended = ended
        store.close(JOB)
        return ended()

    store.ended = close_first
    assert [run.id for run in history.list()] == [JOB]


def keep_many(folder):
    """As many archives as are kept, all of them newer than this one; and one that somebody has just removed."""
    folder.mkdir()
    content = b"a sound archive"
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / f"{sha256}.zip").write_bytes(content)
    os.utime(folder / f"{sha256}.zip", (1, 1))
    for number in range(KEPT_ARCHIVES):
        (folder / f"{number:064d}.zip").write_bytes(b"another")
    (folder / "removed.zip").symlink_to(folder / "nothing")
    return sha256


def test_the_release_that_is_asked_for_is_not_the_one_that_makes_room(tmp_path):
    sha256 = keep_many(tmp_path / "releases")
    cache = ReleaseCache(tmp_path / "releases", SimpleNamespace(base_url="http://nobody"))

    cache.keep("http://nobody/x.zip", sha256)

    with cache.opened("http://nobody/x.zip", sha256) as archive:
        assert archive.read() == b"a sound archive"
    assert len([path for path in (tmp_path / "releases").glob("*.zip") if path.is_file()]) == KEPT_ARCHIVES


def test_a_worker_closes_a_run_while_another_of_its_runs_makes_room(tmp_path):
    runs = worker_runs.RunStore(tmp_path)
    runs.take("exp-1", 1, {})
    (tmp_path / "ended" / "removed").symlink_to(tmp_path / "nothing")

    runs.close("exp-1")

    assert list(runs.all()) == []
    assert (tmp_path / "ended" / "exp-1" / worker_runs.RECORD).is_file()
