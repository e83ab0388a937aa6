"""Experiments on real worker processes of a real server."""

import signal

import pytest

from tests.cvlabkit.tree import CONFIG
from tests.middleend.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("worker")]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("worker"))
    yield made
    made.close()


@pytest.fixture
def gate(tmp_path):
    return tmp_path / "gate"


def test_an_experiment_runs_and_can_be_run_again(stage, tmp_path):
    worker = stage.start_worker("first")
    made = stage.submit(CONFIG + "seed: 7\n", device="first")
    row = stage.wait(made["uid"])
    assert (row["status"], row["exit_code"], row["device"]) == ("completed", 0, "first"), stage.explain(made["uid"])
    metrics = stage.metrics(made["uid"])
    assert [each["epoch"] for each in metrics] == [1, 2, 3, 4]
    assert "epoch 3" in stage.log(made["uid"])
    manifest = row["manifest"]
    assert manifest["components"] == row["components"]
    assert set(manifest["components"]) == {
        "agent/fitter.py", "model/line.py", "optimizer/held.py", "loss/scaled.py", "dataset/numbers.py"
    }  # fmt: skip
    assert (manifest["seed"], manifest["host"]) == (7, "first")
    again = stage.experiments.reproduce(made["uid"])
    repeated = stage.wait(again["uid"])
    assert repeated["status"] == "completed", stage.explain(again["uid"])
    assert stage.metrics(again["uid"]) == metrics
    assert stage.experiments.compare(made["uid"], again["uid"])["same_metrics"]
    assert worker.kill(signal.SIGTERM) == 0
    assert worker.events("components_fetched")[-1]["uid"] == made["uid"], "a reproduction fetched what it had"
