"""Actions on a real Ray cluster: in an actor, detached, as a job, and as a pipeline."""

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_sdk.exceptions import ExecutionError, PluginRunError, PluginValidationError
from synapse_sdk.plugins.executors.ray import (
    RayActorExecutor,
    RayJobExecutor,
    RayJobsApiExecutor,
    RayPipelineExecutor,
)
from synapse_sdk.plugins.models.pipeline import ActionStatus
from synapse_sdk.plugins.pipelines import ActionPipeline
from synapse_sdk.plugins.runner import ExecutionMode, run_plugin
from synapse_sdk.plugins.types import COCODataset, Dataset
from synapse_sdk.wire.jobs import JobStatus
from tests.agent.stage import until
from tests.engines.ray_cluster import RayCluster

pytestmark = [
    pytest.mark.ray,
    # Ray tells aiohttp `ssl=None` when it follows a log.
    pytest.mark.filterwarnings("ignore:ssl=None:DeprecationWarning"),
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(600),
]

TOKEN = "syn_do-not-show-me"
PLUGIN = """
import os, sys, time
from pydantic import BaseModel
from synapse_sdk.plugins.action import BaseAction

class Params(BaseModel):
    number: int
    seconds: float = 0

class Double(BaseAction[Params]):
    action_name = "double"
    def execute(self):
        print("doubling", self.params.number, flush=True)
        time.sleep(self.params.seconds)
        return {"number": 2 * self.params.number, "pid": os.getpid()}

class Third(BaseAction[Params]):
    action_name = "third"
    def execute(self):
        if os.path.exists(MARK):
            return {"third": self.params.number / 3}
        raise ValueError("the mark is missing")

class Leave(BaseAction[Params]):
    action_name = "leave"
    def execute(self):
        sys.exit(0)

class Die(BaseAction[Params]):
    action_name = "die"
    def execute(self):
        os.kill(os.getpid(), 9)

class Settings(BaseAction[Params]):
    action_name = "settings"
    def execute(self):
        return {"has_client": self.ctx.client is not None, "colour": self.ctx.env.get("COLOUR", ""),
                "files": sorted(os.listdir("."))}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    folder = tmp_path / "plugin-folder"
    folder.mkdir()
    mark = f"MARK = {str(tmp_path / 'mark')!r}\n"
    (folder / "acts.py").write_text(mark + PLUGIN)
    return folder


@pytest.fixture
def jobs(ray_cluster: RayCluster, plugin: Path) -> RayJobsApiExecutor:
    env = {"SYNAPSE_ACCESS_TOKEN": TOKEN, "SYNAPSE_HOST": "http://127.0.0.1:9", "COLOUR": "green"}
    return RayJobsApiExecutor(env, dashboard_address=ray_cluster.dashboard, working_dir=plugin)


@pytest.fixture
def detached(ray_cluster: RayCluster, plugin: Path) -> Iterator[RayJobExecutor]:
    executor = RayJobExecutor(ray_address=ray_cluster.address, working_dir=plugin)
    yield executor
    executor.shutdown()


@pytest.fixture
def pipelines(ray_cluster: RayCluster, plugin: Path) -> Iterator[RayPipelineExecutor]:
    executor = RayPipelineExecutor(ray_address=ray_cluster.address, working_dir=plugin)
    yield executor
    executor.shutdown()


def test_a_job_gives_its_result_and_its_log(jobs: RayJobsApiExecutor) -> None:
    job = jobs.submit("acts:Double", {"number": 21})

    assert jobs.get_result(job, timeout=200)["number"] == 42
    assert jobs.get_status(job) is JobStatus.SUCCEEDED
    assert "doubling 21" in "".join(jobs.stream_logs(job, timeout=200))


def test_a_job_runs_once_per_id(jobs: RayJobsApiExecutor) -> None:
    jobs.submit("acts:Double", {"number": 1}, job_id="one-and-only")

    with pytest.raises(PluginRunError, match="refuses the job"):
        jobs.submit("acts:Double", {"number": 1}, job_id="one-and-only")
    assert jobs.wait("one-and-only", 200) is JobStatus.SUCCEEDED


def test_a_key_reaches_the_run_and_nobody_who_looks_at_the_job(
    jobs: RayJobsApiExecutor, ray_cluster: RayCluster
) -> None:
    import httpx2

    job = jobs.submit("acts:Settings", {"number": 1})
    result = jobs.get_result(job, timeout=200)

    assert result["has_client"] is True
    assert result["colour"] == "green"
    assert ".synapse_env.json" not in result["files"], "the file with the key is gone before the action begins"
    shown = httpx2.get(f"{ray_cluster.dashboard}/api/jobs/", timeout=200).text + jobs.get_logs(job)
    assert job in shown
    assert TOKEN not in shown


@pytest.mark.parametrize(
    ("action", "params", "message"),
    [
        ("acts:Third", {"number": 1}, "the mark is missing"),
        ("acts:Double", {"number": "many"}, "number"),
        ("acts:Missing", {"number": 1}, "Missing"),
        ("acts:Leave", {"number": 1}, "without a result"),
        ("acts:Die", {"number": 1}, "failed"),
    ],
)
def test_a_job_that_fails_says_why(jobs: RayJobsApiExecutor, action: str, params: dict, message: str) -> None:
    with pytest.raises(ExecutionError, match=message):
        jobs.get_result(jobs.submit(action, params), timeout=200)


def test_a_job_that_is_stopped_is_not_one_that_failed(jobs: RayJobsApiExecutor) -> None:
    job = jobs.submit("acts:Double", {"number": 1, "seconds": 600})
    assert "doubling" in "".join(_until(jobs.stream_logs(job, timeout=200), "doubling"))

    assert jobs.stop(job)

    assert jobs.wait(job, 200) is JobStatus.STOPPED
    with pytest.raises(ExecutionError, match="stopped"):
        jobs.get_result(job)


def test_waiting_ends_and_the_job_goes_on(jobs: RayJobsApiExecutor) -> None:
    job = jobs.submit("acts:Double", {"number": 1, "seconds": 600})

    with pytest.raises(TimeoutError):
        jobs.wait(job, 0.5)
    with pytest.raises(TimeoutError):
        list(jobs.stream_logs(job, timeout=0.5))
    assert jobs.get_status(job) in {JobStatus.PENDING, JobStatus.RUNNING}
    jobs.stop(job)


@pytest.mark.usefixtures("ray_cluster")  # Without Ray it says what to install.
def test_where_no_cluster_is_the_message_says_what_to_start() -> None:
    with pytest.raises(PluginRunError, match="ray start --head"):
        RayJobsApiExecutor(dashboard_address="http://127.0.0.1:9")


def test_an_actor_stays_for_the_next_run(ray_cluster: RayCluster, plugin: Path) -> None:
    with RayActorExecutor(ray_address=ray_cluster.address, working_dir=plugin, num_cpus=1) as executor:
        first = executor.execute("acts:Double", {"number": 1})
        second = executor.execute("acts:Double", {"number": first["number"]})
        assert second == {"number": 4, "pid": first["pid"]}
        with pytest.raises(PluginValidationError):
            executor.execute("acts:Double", {"number": "many"})
        with pytest.raises(ExecutionError, match=r"sys\.exit"):
            executor.execute("acts:Leave", {"number": 1})
        with pytest.raises(ExecutionError, match="lost its Ray actor"):
            executor.execute("acts:Die", {"number": 1})
        assert executor.execute("acts:Double", {"number": 3})["number"] == 6


def test_a_detached_run_is_found_by_another_process(
    detached: RayJobExecutor, ray_cluster: RayCluster, plugin: Path
) -> None:
    run = detached.submit("acts:Double", {"number": 4, "seconds": 2}, job_id="job-7")
    detached.shutdown()

    later = RayJobExecutor(ray_address=ray_cluster.address, working_dir=plugin)
    assert later.get_result(run, timeout=200)["number"] == 8
    assert later.get_status(run) is JobStatus.SUCCEEDED
    later.forget(run)
    until(lambda: is_forgotten(later, run))
    later.shutdown()


def is_forgotten(executor: RayJobExecutor, run: str) -> bool:
    try:
        executor.get_status(run)
    except PluginRunError as exc:
        return "no run" in str(exc)
    return False


def test_a_detached_run_is_stopped(detached: RayJobExecutor) -> None:
    run = detached.submit("acts:Double", {"number": 4, "seconds": 600})

    detached.stop(run)

    assert detached.get_status(run) is JobStatus.STOPPED
    with pytest.raises(ExecutionError, match="stopped"):
        detached.get_result(run, timeout=200)
    detached.forget(run)


def test_a_detached_run_that_dies_has_failed(detached: RayJobExecutor) -> None:
    run = detached.submit("acts:Die", {"number": 4})

    with pytest.raises(ExecutionError):
        detached.get_result(run, timeout=200)
    assert detached.get_status(run) is JobStatus.FAILED
    detached.forget(run)


def test_a_pipeline_is_resumed_behind_what_it_completed(pipelines: RayPipelineExecutor, tmp_path: Path) -> None:
    run = pipelines.submit(["acts:Double", "acts:Third"], {"number": 6})
    with pytest.raises(ExecutionError, match="the mark is missing"):
        pipelines.wait(run, 200)
    assert [a.status for a in pipelines.get_progress(run).actions] == [ActionStatus.COMPLETED, ActionStatus.FAILED]
    (tmp_path / "mark").touch()

    again = pipelines.submit(["acts:Double", "acts:Third"], {"number": 6}, resume_from=run)

    assert pipelines.wait(again, 200)["third"] == {"third": 4.0}
    assert pipelines.get_progress(again).actions[0].status is ActionStatus.SKIPPED
    pipelines.forget(run)
    pipelines.forget(again)


def test_a_pipeline_of_typed_actions_runs_on_the_cluster(
    pipelines: RayPipelineExecutor, plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(plugin))
    acts = importlib.import_module("acts")
    (tmp_path / "mark").touch()
    monkeypatch.setattr(acts.Double, "output_type", COCODataset)
    monkeypatch.setattr(acts.Third, "input_type", Dataset)
    pipeline = ActionPipeline([acts.Double, acts.Third])

    run = pipeline.submit({"number": 6}, pipelines, name="typed")

    assert run.startswith("typed-")
    results = pipeline.wait(run, pipelines, timeout_seconds=200)
    assert (results["double"]["number"], results["third"]) == (12, {"third": 4.0})
    pipelines.forget(run)
    del sys.modules["acts"]


def _until(stream: Iterator[str], wanted: str) -> Iterator[str]:
    for lines in stream:
        yield lines
        if wanted in lines:
            return


def test_nothing_of_this_process_goes_along(jobs: RayJobsApiExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "COLOUR", "red")

    assert jobs.get_result(jobs.submit("acts:Settings", {"number": 1}), timeout=200)["colour"] == "green"


def test_run_plugin_takes_a_folder_to_the_cluster(ray_cluster: RayCluster, plugin: Path) -> None:
    text = "name: Acts\ncode: acts\nenv: {COLOUR: blue}\nactions: {settings: {entrypoint: 'acts:Settings'}}\n"
    (plugin / "config.yaml").write_text(text)

    job = run_plugin(plugin, "settings", {"number": 1}, mode=ExecutionMode.JOB, dashboard_address=ray_cluster.dashboard)
    result = run_plugin(plugin, "settings", {"number": 1}, mode=ExecutionMode.TASK, ray_address=ray_cluster.address)

    assert result["colour"] == "blue"
    jobs = RayJobsApiExecutor(dashboard_address=ray_cluster.dashboard)
    assert jobs.get_result(job, timeout=200)["colour"] == "blue"
