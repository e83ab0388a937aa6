"""Experiments on real worker processes of a real server."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.agent.stage import clean_env
from tests.cvlabkit.tree import CONFIG
from tests.middleend.kit import processes_with, until
from tests.middleend.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("worker")]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("worker"))
    yield made
    made.close()


@pytest.fixture
def held(tmp_path):
    """A config whose run waits after its first epoch until `gate` is there, and counts its starts."""
    return f"{CONFIG}gate: {tmp_path / 'gate'}\ncount: {tmp_path / 'count'}\n"


def begin(stage, config, device):
    uid = stage.submit(config, device=device)["uid"]
    until(lambda: "epoch 0" in stage.log(uid), explain=lambda: stage.explain(uid))
    return uid


def test_an_experiment_runs_live_and_can_be_run_again(stage, held, tmp_path):
    worker = stage.start_worker("first")
    uid = begin(stage, f"{held}seed: 7\n", "first")
    until(lambda: [each["epoch"] for each in stage.metrics(uid)] == [1])
    assert stage.show(uid)["status"] == "running"
    seen = Path(f"/proc/{worker.process.pid}/environ").read_bytes()
    assert b"PATH=" in seen
    assert stage.token.encode() not in seen, "runs of the same user could read it"
    (tmp_path / "gate").touch()
    row = stage.wait(uid)
    assert (row["status"], row["exit_code"], row["device"]) == ("completed", 0, "first"), stage.explain(uid)
    metrics = stage.metrics(uid)
    assert [each["epoch"] for each in metrics] == [1, 2, 3, 4]
    assert row["manifest"]["components"] == row["components"]
    assert set(row["components"]) == {
        "agent/fitter.py", "model/line.py", "optimizer/held.py", "loss/scaled.py", "dataset/numbers.py"
    }  # fmt: skip
    assert (row["manifest"]["seed"], row["manifest"]["host"]) == (7, "first")

    stage.put(
        {
            "loss/scaled.py": "from cvlabkit.component.base import Loss\n\n\nclass Other(Loss):\n    def __call__(self, a, b):\n        return 0.0\n"
        }
    )
    again = stage.wait(stage.experiments.reproduce(uid)["uid"])
    assert again["status"] == "completed", stage.explain(again["uid"])
    assert stage.metrics(again["uid"]) == metrics
    assert stage.experiments.compare(uid, again["uid"])["same_metrics"]
    assert worker.kill(signal.SIGTERM) == 0
    fetched = worker.events("components_fetched")
    assert [each["uid"] for each in fetched] == [uid], "a reproduction fetched what was there"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_outlives_its_worker_and_is_found_again(stage, held, tmp_path, number):
    name = f"restarted-{number}"
    worker = stage.start_worker(name)
    uid = begin(stage, held, name)
    assert worker.kill(number) == (0 if number == signal.SIGINT else -9)
    assert processes_with(f"SYNAPSE_EXPERIMENT_RUN={worker.work}")
    (tmp_path / "gate").touch()
    until(lambda: not processes_with(f"SYNAPSE_EXPERIMENT_RUN={worker.work}"))
    worker.start(token=None)
    row = stage.wait(uid)
    assert (row["status"], len(stage.metrics(uid))) == ("completed", 4), stage.explain(uid)
    assert (tmp_path / "count").read_text() == "x"
    assert worker.kill(signal.SIGINT) == 0
    assert worker.events("run_found_again")[-1] | {"time": ""} == {
        "time": "", "event": "run_found_again", "uid": uid, "phase": "started"
    }  # fmt: skip
    assert worker.events("worker_down")[-1]["runs"] == 0


def test_runs_end_with_a_worker_that_was_told_so(stage, held):
    worker = stage.start_worker("tidy", flags=("--stop-runs",))
    uid = begin(stage, held, "tidy")
    assert worker.kill(signal.SIGINT) == 0
    assert stage.wait(uid)["status"] == "cancelled"
    until(lambda: not processes_with(f"SYNAPSE_EXPERIMENT_RUN={worker.work}"))


def test_a_run_whose_keeper_and_worker_are_killed_is_reported_crashed(stage, held, tmp_path):
    worker = stage.start_worker("crashed")
    uid = begin(stage, held, "crashed")
    worker.kill()
    for pid in processes_with(str(worker.work)):
        with suppress(OSError):
            if b"keeper.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
    worker.start()
    row = stage.wait(uid)
    assert (row["status"], row["message"]) == ("crashed", "Its process is gone, and so is the one that kept it.")
    until(lambda: not processes_with(f"SYNAPSE_EXPERIMENT_RUN={worker.work}"))
    assert (tmp_path / "count").read_text() == "x"


def test_a_run_of_another_server_or_without_one_is_the_same_program(stage, tmp_path):
    """`python -m cvlabkit run` alone gives the metrics that the worker's run gave."""
    stage.start_worker("alone")
    uid = stage.submit(f"{CONFIG}seed: 5\n", device="alone")["uid"]
    assert stage.wait(uid)["status"] == "completed", stage.explain(uid)
    folder = stage.folder / "alone" / "ended" / uid
    until(folder.exists)
    command = [sys.executable, "-m", "cvlabkit", "run", "config.yaml", "--set", f"log_dir={tmp_path / 'logs'}"]
    subprocess.run(command, cwd=folder, env=clean_env(), check=True, capture_output=True)
    assert (tmp_path / "logs" / "metrics.jsonl").read_bytes() == (folder / "run" / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("flags", "said"),
    [(("--jobs", "0"), "--jobs"), (("--server", "nowhere"), "nowhere"), ((), "has not joined")],
)
def test_a_worker_that_cannot_start_says_why(tmp_path, flags, said):
    arguments = ["worker", "up", "--server", "http://127.0.0.1:9", "--work", str(tmp_path / "work"), *flags]
    env = clean_env() | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "synapse_sdk", *arguments], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
