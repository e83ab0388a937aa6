"""Environments: what kills or stops a build leaves nothing half, and the next run builds it whole."""

import os
import signal
import textwrap
import threading

import pytest

from synapse_sdk.exceptions import BuildError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.executors.environment import plugin_python
from tests.agent.family import family
from tests.agent.stage import processes_with, until
from tests.plugins.test_environment import make_wheel

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent")]
PROJECT = """
[project]
name = "slowpkg"
version = "1.0"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """
import pathlib, time, zipfile
HOLD = pathlib.Path({hold!r})

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(folder, config_settings=None, metadata_directory=None):
    HOLD.with_name("began").touch()
    while HOLD.exists():
        time.sleep(0.05)
    with zipfile.ZipFile(pathlib.Path(folder) / "slowpkg-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("slowpkg.py", "ANSWER = 42")
        wheel.writestr("slowpkg-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: slowpkg\\nVersion: 1.0\\n")
        wheel.writestr("slowpkg-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("slowpkg-1.0.dist-info/RECORD", "")
    return "slowpkg-1.0-py3-none-any.whl"
"""


class Slow:
    """A release whose requirements take as long to install as a file exists."""

    def __init__(self, stage, folder):
        self.hold, self.began = folder / "hold", folder / "began"
        self.hold.touch()
        backend = textwrap.dedent(BACKEND).format(hold=str(self.hold)).encode()
        files = {"slowpkg/pyproject.toml": PROJECT.encode(), "slowpkg/backend.py": backend}
        body = "import slowpkg\nreturn slowpkg.ANSWER"
        self.code = stage.publish(body, requirements="--no-index\n./slowpkg\n", files=files)

    def start(self, stage, agent):
        self.began.unlink(missing_ok=True)
        job = stage.run(self.code, agent)
        until(self.began.exists, explain=lambda: stage.console(job))
        return job

    def environments(self, agent):
        return list((agent.home / "envs").glob(f"{self.code}-*/"))


def test_a_stopped_build_leaves_nothing_half_and_the_next_run_builds_it(stage, agent, tmp_path):
    slow = Slow(stage, tmp_path)
    job = slow.start(stage, agent)

    stage.v1.update_job(job, {"status": "stopped"})

    ended = stage.wait(job)
    assert (ended["status"], ended["exit_kind"]) == ("stopped", "stopped")
    until(lambda: not processes_with(job))
    until(lambda: slow.environments(agent) == [])
    slow.hold.unlink()
    assert stage.wait(stage.run(slow.code, agent))["result"] == 42


def test_a_build_outlives_its_agent_and_is_used(stage, own_agent, tmp_path):
    agent, slow = own_agent, Slow(stage, tmp_path)
    job = slow.start(stage, agent)

    agent.kill(signal.SIGKILL)
    agent.start()
    until(lambda: agent.log().count("run_found_again") == 1)
    # One that another process still works on is no leftover.
    assert len(slow.environments(agent)) == 1
    slow.hold.unlink()

    ended = stage.wait(job)
    assert (ended["status"], ended["result"]) == ("succeeded", 42), ended


def test_a_build_that_died_with_its_agent_is_cleared_away(stage, own_agent, tmp_path):
    agent, slow = own_agent, Slow(stage, tmp_path)
    job = slow.start(stage, agent)
    agent.kill(signal.SIGKILL)
    for (pid, _), what in family().items():
        if str(agent.home / "runs" / job) in what and "shim.py" in what:
            os.kill(pid, signal.SIGKILL)

    agent.start()

    assert stage.wait(job)["exit_kind"] == "lost"
    until(lambda: not processes_with(job))
    agent.kill(signal.SIGKILL)
    agent.start()
    until(lambda: slow.environments(agent) == [])
    slow.hold.unlink()
    assert stage.wait(stage.run(slow.code, agent))["result"] == 42


def test_callers_at_once_build_an_environment_once_and_a_failed_one_leaves_nothing(tmp_path):
    folder, cache, said, pythons = tmp_path / "plugin", tmp_path / "envs", [], []
    folder.mkdir()
    make_wheel(folder / "wheels", "tinypkg", "1.0", "ANSWER = 42\n")
    (folder / "requirements.txt").write_text("--no-index\ntinypkg==1.0\n")
    config = PluginConfig.from_dict({"name": "t", "code": "t", "package_manager": "uv"})

    def build():
        pythons.append(plugin_python(folder, config, notify=said.append, cache=cache))

    callers = [threading.Thread(target=build) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert len(set(pythons)) == 1
    assert len(pythons) == 8
    assert sum("once" in line for line in said) == 1
    (folder / "requirements.txt").write_text("--no-index\nno-such-package-here==1.0\n")
    with pytest.raises(BuildError):
        build()
    assert [path.name for path in cache.glob("*/")] == [pythons[0].parents[1].name]
