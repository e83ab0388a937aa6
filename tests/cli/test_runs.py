"""`synapse plugin run` here and on Ray: shown live, kept on the server, stopped from anywhere."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import run_synapse

SOURCE = """
import time
from pydantic import BaseModel
from synapse_sdk.plugins import BaseAction

class Params(BaseModel):
    seconds: float = 0
    error: str = ""

class Main(BaseAction[Params]):
    def execute(self):
        print("line one\\x1b[2J")
        self.set_progress(1, 4)
        self.log_message("nearly there", "success")
        self.set_metrics({"score": 0.5}, "work")
        time.sleep(self.params.seconds)
        if self.params.error:
            raise ValueError(self.params.error)
        return {"answer": 42}
"""


@pytest.fixture
def plugin(tmp_path):
    folder = tmp_path / "a-plugin"
    (folder / "plugin").mkdir(parents=True)
    (folder / "plugin" / "__init__.py").touch()
    (folder / "plugin" / "main.py").write_text(SOURCE)
    (folder / "config.yaml").write_text("name: A\ncode: a\nactions: {main: {entrypoint: plugin.main.Main}}\n")
    return folder


@pytest.fixture
def env(platform, tmp_path):
    return {**os.environ, "SYNAPSE_HOST": platform.url, "SYNAPSE_ACCESS_TOKEN": platform.token, "HOME": str(tmp_path)}


def newest_run(synapse):
    row = synapse.json("job", "list", "--kind", "run", "--limit", "1")[0]
    return synapse.json("job", "show", row["id"])


def assert_shown(text):
    for line in ("line one\\x1b[2J", "progress: 25 %", "[success] nearly there", 'metrics work: {"score": 0.5}'):
        assert line in text, text


def test_a_run_here_is_shown_live_and_kept_with_its_result(synapse, plugin):
    done = synapse("plugin", "run", "main", "--path", plugin, "--json")

    assert (done.exit_code, json.loads(done.stdout)) == (0, {"answer": 42}), done.stderr
    assert_shown(done.stderr)
    kept = newest_run(synapse)
    assert kept["id"] in done.stderr
    assert (kept["status"], kept["result"], kept["action"]) == ("SUCCEEDED", {"answer": 42}, "main")
    assert kept["progress_record"]["current_progress"]["overall"] == 25
    printed = synapse("job", "logs", kept["id"]).stdout
    assert "nearly there" in printed
    assert "line one" in printed


def test_a_run_here_that_fails_is_kept_with_the_reason_and_no_key(synapse, plugin, platform):
    params = json.dumps({"error": f"refused {platform.token}"})
    done = synapse("plugin", "run", "main", "--path", plugin, "--params", params)

    assert done.exit_code == 1
    kept = newest_run(synapse)
    assert kept["status"] == "FAILED"
    assert "ValueError: refused" in kept["error"]
    assert platform.token not in done.stderr + kept["error"]


def test_an_action_that_is_not_there_becomes_no_job(synapse, plugin):
    synapse("plugin", "run", "main", "--path", plugin)
    before = newest_run(synapse)["id"]

    refused = synapse("plugin", "run", "nope", "--path", plugin)

    assert (refused.exit_code, "has no action 'nope'; it has: main" in refused.stderr) == (1, True)
    assert newest_run(synapse)["id"] == before


def test_a_run_without_a_login_or_with_a_server_away_is_only_shown(stranger, synapse, plugin, monkeypatch):
    alone = stranger_run(stranger, plugin, monkeypatch)
    assert "[progress] 25 %" in alone.stderr
    monkeypatch.setenv("SYNAPSE_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", "syn_x")
    away = synapse("plugin", "run", "main", "--path", plugin, "--json")
    assert json.loads(away.stdout) == {"answer": 42}
    assert "does not keep this run" in away.stderr


def stranger_run(stranger, plugin, monkeypatch):
    with monkeypatch.context() as patch:
        for name in ("SYNAPSE_HOST", "SYNAPSE_ACCESS_TOKEN"):
            patch.delenv(name, raising=False)
        done = stranger("plugin", "run", "main", "--path", plugin, "--json")
    assert json.loads(done.stdout) == {"answer": 42}
    return done


@pytest.mark.parametrize("how", ["ctrl-c", "job stop"])
def test_a_run_here_is_stopped(synapse, env, plugin, how):
    command = [sys.executable, "-m", "synapse_sdk", "plugin", "run", "main", "--path", str(plugin)]
    command += ["--params", '{"seconds": 600}']
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "line one" in line:
            break
    job = newest_run(synapse)["id"]
    if how == "ctrl-c":
        process.send_signal(signal.SIGINT)
    else:
        assert synapse("job", "stop", job).exit_code == 0
    _, said = process.communicate(timeout=200)

    assert process.returncode == (130 if how == "ctrl-c" else 1), said
    assert newest_run(synapse)["status"] == "STOPPED"


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["task", "job"])
def test_a_run_on_ray_is_shown_live_and_kept_with_its_result(synapse, env, plugin, mode, ray_cluster):
    address = ray_cluster.address if mode == "task" else ray_cluster.dashboard
    arguments = ["plugin", "run", "main", "--path", str(plugin), "--mode", mode, "--ray-address", address, "--json"]
    # A process of its own: it can be a driver of one cluster at a time.
    done = run_synapse(*arguments, "--cpus", "1", "--params", '{"seconds": 3}', env=env)

    assert json.loads(done.stdout) == {"answer": 42}
    assert_shown(done.stderr)
    assert "SYNAPSE_RESULT" not in done.stderr
    assert env["SYNAPSE_ACCESS_TOKEN"] not in done.stderr
    kept = newest_run(synapse)
    assert (kept["status"], kept["result"]) == ("SUCCEEDED", {"answer": 42})


def log_monitor_of(cluster):
    """The process of a cluster that brings what actors print to their driver."""
    port = cluster.address.rpartition(":")[2]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if re.search(rf"log_monitor\.py\0.*--gcs-address=[^\0]*:{port}\0", path.read_text()):
                return int(path.parent.name)
    raise AssertionError("the cluster has no log monitor")


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(600)
def test_what_an_actor_has_printed_is_shown_though_it_comes_after_the_result(env, plugin, ray_cluster):
    command = [sys.executable, "-m", "synapse_sdk", "plugin", "run", "main", "--path", str(plugin), "--mode", "task"]
    monitor = log_monitor_of(ray_cluster)
    os.kill(monitor, signal.SIGSTOP)
    try:
        process = subprocess.Popen(
            [*command, "--ray-address", ray_cluster.address], env=env, stderr=subprocess.PIPE, text=True
        )
        # What the action tells the server comes at once, and it ends right after that.
        shown = next(line for line in process.stderr if "metrics" in line)
        time.sleep(3)
    finally:
        os.kill(monitor, signal.SIGCONT)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert "line one\\x1b[2J" in said, shown + said
    assert "SYNAPSE_END" not in said


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["task", "job"])
def test_a_run_on_ray_is_stopped_from_the_server(synapse, env, plugin, mode, ray_cluster):
    address = ray_cluster.address if mode == "task" else ray_cluster.dashboard
    command = [sys.executable, "-m", "synapse_sdk", "plugin", "run", "main", "--path", str(plugin), "--mode", mode]
    command += ["--ray-address", address, "--params", '{"seconds": 600}']
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "line one" in line:
            break
    started = time.monotonic()
    synapse("job", "stop", newest_run(synapse)["id"])
    _, said = process.communicate(timeout=200)

    assert process.returncode == 1, said
    assert "was stopped" in said
    assert time.monotonic() - started < 120
    assert newest_run(synapse)["status"] == "STOPPED"
