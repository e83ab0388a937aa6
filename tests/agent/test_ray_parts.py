"""Runs on Ray in their parts: a log is read however it is cut, an order means the same on a node, packages are equal."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from synapse_agent.engines.local.engine import SHIM
from synapse_agent.engines.ray import packing
from synapse_agent.engines.ray.cluster import dashboard_url
from synapse_agent.engines.ray.job_log import JobLog
from synapse_agent.engines.ray.jobs import DRIVER, end_without_words
from synapse_agent.engines.ray.log_follower import append_console, console_path
from tests.agent.stage import processes_with, until

MARK = "\x1eabc:"
ENDED = {"ending": {"reason": "ended", "exit_code": 0}, "result": '{"result": 1}', "spool": {}}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("printed", ["", "line\n", "no newline", f"half a mark {MARK}en\nand more\x1e\n", "한글\n"])
def test_a_log_is_the_same_however_it_comes(size, printed):
    text = f"Ray says this\n{MARK}begin\n{printed}{MARK}end {json.dumps(ENDED)}\nRay says that\n"
    log = JobLog(MARK)

    parts = [log.feed(text[start : start + size]) for start in range(0, len(text), size)]

    assert "".join(parts) == printed
    assert log.ended == ENDED


def test_a_log_without_an_end_has_none():
    log = JobLog(MARK)
    assert log.feed(f"{MARK}begin\nhello\n{MARK}end {{") == "hello\n"
    assert log.ended is None


def test_what_is_there_of_a_console_is_not_written_twice(tmp_path):
    append_console(tmp_path, b"one two", size=7)
    append_console(tmp_path, b"one two", size=7)
    append_console(tmp_path, b" three", size=13)
    append_console(tmp_path, b"one two three four")
    assert console_path(tmp_path).read_bytes() == b"one two three four"


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """The driver as it lies on a node: beside the shim."""
    for source in (DRIVER, SHIM):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield __import__("driver")
    for name in ("driver", "shim"):
        sys.modules.pop(name, None)


def test_an_order_means_the_same_where_its_folder_lies_elsewhere(driver, monkeypatch):
    monkeypatch.setenv("OF_THE_NODE", "1")
    command = {
        "argv": ["python", "/a/run/env/bin/x", "/a/runner"],
        "cwd": "/a/run/work",
        "env": {"FILE": "/a/run/x.json", "OTHER": "/b"},
        "time_seconds": None,
    }

    order = driver.localise({"folder": "/a/run", "commands": [command]}, "/node/42")

    (local,) = order["commands"]
    assert (local["argv"], local["cwd"]) == (["python", "/node/42/env/bin/x", "/a/runner"], "/node/42/work")
    assert (local["env"]["FILE"], local["env"]["OTHER"], local["env"]["OF_THE_NODE"]) == ("/node/42/x.json", "/b", "1")


def test_output_keeps_its_beginning_and_its_end_without_keys(driver, monkeypatch):
    written = []
    monkeypatch.setattr(driver, "_write", written.append)
    console = driver.LogConsole(2000, ["s3cret"])
    console.write(b"first s3")
    console.write(b"cret\r\n")
    for _ in range(500):
        console.write(b"x" * 99 + b"\n")
    console.write(b"bad \xff and last")
    console.close()
    text = b"".join(written).decode()
    assert text.startswith("first ***\nxxx")
    assert text.endswith("bad \ufffd and last")
    assert "bytes of output were left out here" in text
    assert len(text) < 2300


def test_equal_content_is_an_equal_package(tmp_path):
    (tmp_path / "a" / "__pycache__").mkdir(parents=True)
    (tmp_path / "a" / "__pycache__" / "x.pyc").touch()
    (tmp_path / "a" / "main.py").write_text("1")
    first = packing.pack({"work": tmp_path}, {"order.json": b"{}"})
    (tmp_path / "a" / "main.py").touch()
    assert packing.pack({"work": tmp_path}, {"order.json": b"{}"}) == first
    assert b"pyc" not in first
    assert packing.pack({"work": tmp_path}, {"order.json": b"[]"}) != first


def test_a_release_larger_than_ray_takes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "MAX_PACKAGE_BYTES", 10)
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(OSError, match="larger than"):
        packing.pack({"": Path(tmp_path)}, {})


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("auto", "http://127.0.0.1:8265"),
        ("head:8265", "http://head:8265"),
        ("https://ray.example.org/", "https://ray.example.org"),
    ],
)
def test_a_cluster_is_named_as_people_do(address, url):
    assert dashboard_url(address) == url


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        ({"status": "STOPPED"}, "stopped"),
        ({"status": "FAILED", "error_type": "RUNTIME_ENV_SETUP_FAILURE"}, "not_started"),
        ({"status": "FAILED", "error_type": "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"}, "not_started"),
        ({"status": "FAILED", "error_type": "JOB_ENTRYPOINT_COMMAND_ERROR", "driver_exit_code": 127}, "not_started"),
        ({"status": "FAILED", "error_type": "JOB_ENTRYPOINT_COMMAND_ERROR", "driver_exit_code": -9}, "vanished"),
        ({"status": "FAILED", "error_type": "JOB_SUPERVISOR_ACTOR_DIED"}, "vanished"),
    ],
)
def test_a_job_that_says_nothing_at_its_end_still_has_one(info, reason):
    ended = end_without_words(info)
    assert ended.reason == reason
    assert bool(ended.message) == (reason == "not_started")


def test_a_run_ends_with_what_started_it(tmp_path):
    for source in (DRIVER, SHIM):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "work").mkdir()
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'], "
    code += "start_new_session=True); print('up', flush=True); import time; time.sleep(300)"
    mark = f"SYNAPSE_TEST_RUN={tmp_path}"
    command = {"argv": [sys.executable, "-c", code], "cwd": "/there/work", "time_seconds": None}
    order = {
        "folder": "/there",
        "mark": MARK,
        "commands": [{**command, "env": dict([mark.split("=")])}],
        "memory_bytes": None,
        "output_bytes": 1000,
        "stop_seconds": 1,
        "secrets": [],
    }
    (tmp_path / "order.json").write_text(json.dumps(order))
    # A shell between, as where Ray starts a job's command.
    shell = ["sh", "-c", f"{sys.executable} -I -S driver.py; true"]
    with subprocess.Popen(shell, cwd=tmp_path, stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        until(lambda: b"up" in parent.stdout.readline())
        assert len(processes_with(mark)) == 2
        assert not (tmp_path / "order.json").exists()
        parent.kill()
        until(lambda: not processes_with(mark))
        until(lambda: not processes_with(str(tmp_path)))
