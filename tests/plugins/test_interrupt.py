"""Ctrl-C and sudden ends: the action's steps are undone, and no process is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STEPS = """
class Work(BaseStep):
    name = "work"
    progress_weight = 1.0

    def execute(self, context):
        worker = subprocess.Popen(["sleep", "600"])
        Path("worker.pid").write_text(str(worker.pid))
        Path("action.pid").write_text(str(os.getpid()))
        if os.environ.get("STUBBORN"):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        Path("started").touch()
        time.sleep(600)
        return StepResult()

    def rollback(self, context, result):
        Path("rolled_back").touch()

class Main(BaseAction[Params]):
    def setup_steps(self, registry):
        registry.register(Work())
"""


def start(folder, **env):
    synapse = Path(sys.executable).with_name("synapse")
    process = subprocess.Popen(
        [synapse, "plugin", "run", "main"],
        cwd=folder,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for((folder / "started").exists)
    return process


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid_file):
    try:
        status = Path(f"/proc/{pid_file.read_text()}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_ctrl_c_rolls_back_and_ends_the_whole_group(make_plugin):
    folder = make_plugin(STEPS)
    process = start(folder)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == ""
    assert (folder / "rolled_back").exists()
    assert not is_alive(folder / "action.pid")
    assert not is_alive(folder / "worker.pid")


def test_a_second_ctrl_c_ends_an_action_that_will_not_stop(make_plugin):
    folder = make_plugin(STEPS)
    process = start(folder, STUBBORN="1")
    os.kill(process.pid, signal.SIGINT)
    # It has reached the whole group: two that come before anybody looks are one.
    wait_for(lambda: not is_alive(folder / "worker.pid"))
    assert is_alive(folder / "action.pid")
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert not is_alive(folder / "action.pid")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_an_action_does_not_outlive_whoever_waits_for_it(make_plugin, end):
    folder = make_plugin(STEPS)
    process = start(folder)
    os.kill(process.pid, end)
    process.communicate(timeout=120)
    wait_for((folder / "rolled_back").exists)
    wait_for(lambda: not is_alive(folder / "action.pid") and not is_alive(folder / "worker.pid"))
