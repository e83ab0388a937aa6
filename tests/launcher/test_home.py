"""One supervisor per home; the lock tells what runs, whatever the record says."""

import signal
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest

from synapse_sdk.exceptions import ConfigurationError
from web_helper.launcher import platform
from web_helper.launcher.home import Home, RunRecord


def home_in(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def test_nothing_runs_in_a_new_home(tmp_path):
    assert Home(tmp_path / "nowhere").running() is None
    assert home_in(tmp_path).running() is None


def test_a_held_home_shows_its_record_and_refuses_a_second_supervisor(tmp_path):
    home = home_in(tmp_path)
    record = RunRecord(pid=4711, url="http://127.0.0.1:8100", children={"server": 4712})
    with home.lock():
        home.save_run(record)
        assert Home(home.path).running() == record
        with pytest.raises(ConfigurationError, match="runs already"), Home(home.path).lock():
            pass
    assert home.running() is None


def test_a_record_left_by_a_crash_does_not_count(tmp_path):
    home = home_in(tmp_path)
    home.save_run(RunRecord(pid=1, url="http://127.0.0.1:8100"))
    assert home.running() is None


def test_the_administrators_key_is_for_the_owner_only(tmp_path):
    home = home_in(tmp_path)
    home.save_admin_token("syn_secret")
    assert home.read_admin_token() == "syn_secret"
    assert stat.S_IMODE(home.admin_token_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


def test_what_is_started_is_not_told_by_the_record_of_one_that_was_killed(tmp_path, monkeypatch):
    # As long as the new supervisor has taken the lock and not cleared the record away yet.
    killed = RunRecord(pid=1, url="http://127.0.0.1:1", children={"server": 2})
    begins = RunRecord(pid=4711, url="http://127.0.0.1:8100")
    seen = iter([None, None, killed, begins, RunRecord(4711, begins.url, {"server": 4712})])
    monkeypatch.setattr(platform.subprocess, "Popen", lambda *_, **__: SimpleNamespace(pid=4711, poll=lambda: None))
    monkeypatch.setattr(Home, "running", lambda _home: next(seen))

    assert platform.start_detached(home_in(tmp_path)) == begins.url


def test_what_is_not_ready_in_time_is_not_left_running(tmp_path, monkeypatch):
    started, begin = [], subprocess.Popen

    def start(_command, **_options):
        started.append(begin([sys.executable, "-c", "import time; time.sleep(600)"]))
        return started[0]

    monkeypatch.setattr(platform, "DETACHED_SECONDS", 0.3)
    monkeypatch.setattr(platform.subprocess, "Popen", start)
    with pytest.raises(ConfigurationError, match="did not start"):
        platform.start_detached(home_in(tmp_path))

    assert started[0].wait(60) == -signal.SIGTERM
