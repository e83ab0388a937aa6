"""A worker is killed at every step of a job: the next one finds the run, and nothing is done twice or lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.stage import clean_env
from tests.cvlabkit.tree import CONFIG
from tests.middleend.kit import processes_with, until
from tests.middleend.stage import Stage
from web_helper.middleend.worker.run_store import RunStore

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("worker"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("kills"))
    yield made
    made.close()


class Host:
    """One worker's folder, and the processes that work in it."""

    def __init__(self, stage, name):
        self.stage, self.folder = stage, stage.folder / name
        self.folder.mkdir()
        self.key = stage.experiments.enrol_device(name)["token"]
        self.count = self.folder.with_suffix(".count")
        self.points = self.folder.with_suffix(".points")
        config = f"{CONFIG}count: {self.count}\n"
        self.uid = stage.submit(config, device=name)["uid"]

    def work(self, point: int = 0) -> int:
        """A worker from its start to the job's end, or to the point; its exit status."""
        command = [sys.executable, "-m", "tests.middleend.killed_worker", str(self.folder), self.stage.url, self.key]
        done = subprocess.run(
            [*command, str(self.points), str(point)],
            env=clean_env(),
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode in (0, -9), done.stderr
        return done.returncode

    def check(self, expected: list[dict]):
        row = self.stage.wait(self.uid)
        assert row["status"] == "completed", self.stage.explain(self.uid)
        assert self.count.read_text() == "x", "the run was started twice"
        assert self.stage.metrics(self.uid) == expected
        log = self.stage.log(self.uid)
        assert [line for line in log.splitlines() if line.startswith("epoch")] == [f"epoch {n}" for n in range(4)]
        assert row["manifest"]["components"] == row["components"]
        assert list(RunStore(self.folder).all()) == []
        assert processes_with(f"SYNAPSE_EXPERIMENT_RUN={self.folder}") == []


def test_a_worker_may_be_killed_at_every_step(stage):
    whole = Host(stage, "whole")
    assert whole.work() == 0
    expected = stage.metrics(whole.uid)
    assert len(expected) == 4
    points = whole.points.read_text().splitlines()
    # Ten steps, before and after; contents and records several times.
    assert len(points) >= 30
    for number in chosen(len(points)):
        host = Host(stage, f"killed-{number}")
        assert host.work(number) == -9, points[number - 1]
        assert host.work() == 0
        host.check(expected)


def chosen(count: int) -> list[int]:
    """All of them, where there is time (SYNAPSE_KILLS); else every third."""
    step = 1 if int(os.environ.get("SYNAPSE_KILLS", "0")) >= count else 3
    # After the last one the job is done, and the next worker would wait for another.
    return list(range(1, count, step))


def test_a_worker_is_killed_again_and_again_at_the_same_point(stage):
    """A killed worker's successor is killed at its own fifth, sixth, … step, until the job is through."""
    whole = Host(stage, "again")
    kills = 0
    for number in range(3, 60, 2):
        if whole.work(number) == 0:
            break
        kills += 1
    assert kills >= 3
    whole.check(stage.metrics(whole.uid))


def test_the_servers_death_costs_a_run_nothing(stage, tmp_path):
    worker = stage.start_worker("patient")
    gate = tmp_path / "gate"
    uid = stage.submit(f"{CONFIG}gate: {gate}\ncount: {tmp_path / 'count'}\n", device="patient")["uid"]
    stage.wait(uid, "running")
    stage.kill_server()
    gate.touch()
    ended = Path(stage.folder / "patient" / "runs" / uid / "exit.json")
    until(ended.exists, explain=worker.log)
    until(lambda: worker.events("server_away"), explain=worker.log)
    stage.revive_server()
    row = stage.wait(uid)
    assert (row["status"], len(stage.metrics(uid))) == ("completed", 4), stage.explain(uid)
    assert (tmp_path / "count").read_text() == "x"
    waits = [event["wait_seconds"] for event in worker.events("server_away")]
    assert waits[0] == 1.0
    assert worker.kill(15) == 0
