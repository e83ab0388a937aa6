"""`synapse plugin run --mode remote` and `synapse agent`, as someone types them."""

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.agent.stage import clean_env, until
from tests.conftest import run_synapse
from tests.folders import contents_below

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent")]
WORK = """
for i in range(3):
    print("line", i)
    self.set_progress(i + 1, 3)
    time.sleep(0.2)
self.set_metrics({"score": 0.5}, "work")
self.log_message("nearly there", "success")
return {"answer": 42}
"""


@pytest.fixture
def env(stage, tmp_path):
    return {**clean_env(), "SYNAPSE_HOST": stage.url, "SYNAPSE_ACCESS_TOKEN": stage.token, "HOME": str(tmp_path)}


def synapse(env, *arguments, check=True):
    return run_synapse(*arguments, env=env, check=check)


def remote(agent, code, *more):
    return ["plugin", "run", "main", "--mode", "remote", "--plugin", code, "--agent", str(agent.id), *more]


def test_a_remote_run_shows_everything_live_and_prints_its_result(stage, agent, env):
    done = synapse(env, *remote(agent, stage.publish(WORK), "--json"))

    assert json.loads(done.stdout) == {"answer": 42}
    for shown in ("line 0", "line 2", "progress: 100 %", 'metrics work: {"score": 0.5}', "[success] nearly there"):
        assert shown in done.stderr, done.stderr


def test_a_remote_run_that_fails_ends_the_command_with_1_and_says_why(stage, agent, env):
    done = synapse(env, *remote(agent, stage.publish("raise ValueError('no such class: cat')")), check=False)

    assert done.returncode == 1
    assert "failed: ValueError: no such class: cat" in done.stderr
    assert done.stdout == ""


def test_ctrl_c_leaves_the_run_and_says_how_to_follow_and_to_stop_it(stage, agent, env):
    command = [sys.executable, "-m", "synapse_sdk", *remote(agent, stage.publish("print('up')\ntime.sleep(600)"))]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    before = ""
    for line in process.stderr:
        before += line
        if "up" in line.split():
            break
    process.send_signal(signal.SIGINT)
    _, after = process.communicate(timeout=120)

    assert process.returncode == 130
    job = before.split("Job ")[1].split()[0]
    assert f"synapse job logs -f {job}" in after
    assert stage.job(job)["status"] == "running"
    synapse(env, "plugin", "job", "stop", job)
    assert stage.wait(job)["status"] == "stopped"
    followed = synapse(env, "plugin", "job", "logs", "-f", job)
    assert "up" in followed.stdout.splitlines()
    assert "STOPPED" in synapse(env, "plugin", "job", "get", job).stdout


def test_ctrl_c_in_a_terminal_asks_and_yes_stops_the_run(stage, agent, env):
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "synapse_sdk",
        *remote(agent, stage.publish("print('here we go')\ntime.sleep(600)")),
    ]
    process = subprocess.Popen(command, env=env, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = read_until(ours, "here we go")
    process.send_signal(signal.SIGINT)
    read_until(ours, "[y/N]")
    os.write(ours, b"y\n")
    shown += read_until(ours, "was stopped")
    process.communicate(timeout=120)
    os.close(ours)

    assert process.returncode == 1
    assert stage.job(shown.split("Job ")[1].split()[0])["status"] == "stopped"


def read_until(descriptor, wanted):
    text = ""
    while wanted not in text:
        text += os.read(descriptor, 4096).decode(errors="replace")
    return text


def test_an_agent_is_listed_selected_shown_and_forgotten(stage, agent, env):
    assert agent.name in synapse(env, "agent", "list").stdout
    synapse(env, "agent", "select", agent.name)
    shown = json.loads(synapse(env, "agent", "show", "--json").stdout)
    assert (shown["id"], shown["status"]) == (agent.id, "connected")
    code = stage.publish("return 1")
    job = json.loads(
        synapse(env, "plugin", "run", "main", "--mode", "remote", "--plugin", code, "--detach", "--json").stdout
    )
    assert job["agent_id"] == agent.id
    assert stage.wait(job["id"])["result"] == 1
    synapse(env, "agent", "clear", "--yes")
    assert synapse(env, "agent", "show", check=False).returncode == 1


def test_agent_up_joins_a_host_without_its_token_in_any_command_line(stage, env, tmp_path):
    home = tmp_path / "host"
    command = [sys.executable, "-m", "synapse_sdk", "agent", "up", "--server", stage.url, "--token", stage.token]
    command += ["--name", "by-hand", "--home", str(home), "--port", "0"]
    plain = {key: value for key, value in env.items() if not key.startswith("SYNAPSE_")}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=plain, stdout=log, stderr=log)
    try:
        row = until(lambda: stage.v1.list_agents({"search": "by-hand"})["results"])[0]
        until(lambda: stage.v1.get_agent(row["id"]).status == "connected")
        assert stage.token not in Path(f"/proc/{process.pid}/cmdline").read_text()
        assert stage.token not in (tmp_path / "log").read_text()
        for path, content in contents_below(home):
            assert stage.token.encode() not in content
            with suppress(FileNotFoundError):
                assert path.name.endswith("lock") or not path.stat().st_mode & 0o077
        second = subprocess.run(command, env=plain, capture_output=True, text=True, timeout=120, check=False)
        assert "Another agent runs in" in second.stderr
    finally:
        process.terminate()
        assert process.wait(120) in {0, -signal.SIGTERM}
    assert (home / "enrolment.json").exists()
