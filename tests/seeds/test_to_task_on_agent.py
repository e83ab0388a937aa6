"""The pre-annotation seed against a real server and a real agent: its blocks, its life cycle, its failures."""

import time
from types import SimpleNamespace

import pytest
import yaml

from synapse_sdk.exceptions import ConflictError
from synapse_sdk.plugins.actions.to_task import ToTaskParams
from tests.agent.stage import Stage
from tests.export.support import make_ctx
from tests.seeds.agent_scene import AgentScene, error_example, resources_config, to_task_class, to_task_config

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
ENGINES = [
    pytest.param("embedded", marks=pytest.mark.xdist_group("seed-agent")),
    pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.xdist_group("ray")]),
]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("stage"))
    scene = AgentScene(stage)
    scene.publish("seed-to-task", to_task_config(), to_task=to_task_class())
    yield scene
    for agent in stage.agents:
        # In order, so that what it serves ends with it.
        agent.kill(15)
    stage.close()


@pytest.fixture(scope="module", params=ENGINES)
def host(request, scene):
    """An agent that serves by processes of its own, and one that has Ray Serve do it."""
    settings = {}
    if request.param == "ray":
        settings = {"ray_address": request.getfixturevalue("ray_cluster").dashboard}
    return SimpleNamespace(agent=scene.stage.start_agent(**settings), engine=request.param)


def test_files_become_task_data_through_the_seeds_plugin(scene, host):
    project = scene.make_project()
    params = {"name": "a", "project": project, "agent": host.agent.id, "target_specification_name": "labels"}
    job = scene.run("seed-to-task", host.agent, params)
    assert job["status"] == "succeeded", (job["error"], scene.stage.console(job["id"]))
    result = job["result"]
    assert result.pop("message") == "3 tasks annotated, 0 failed"
    assert result.pop("run_id") == job["id"]
    assert result == {
        "status": "SUCCEEDED",
        "total_tasks": 3,
        "success_count": 3,
        "failed_count": 0,
        "failures": [],
        "skipped_count": 0,
    }
    # The seed's hook returns `{}`: data without any annotation.
    assert [(data or {}).get("annotations", []) for data in scene.data_of(project)] == [[], [], []]
    steps = job["progress_record"]["record"]["steps"]
    assert steps["annotate_task_data"]["percent"] == 100.0
    metrics = job["metrics_record"]["record"]["steps"]["annotate_task_data"]
    assert metrics == {"success": 3, "failed": 0, "stand_by": 0}


def test_a_pre_processor_is_deployed_waited_for_and_found_again(scene, host):
    code = f"finder-{host.engine}"
    release, model, project = scene.publish_pre_processor(code), scene.make_model(), scene.make_project()
    params = {
        "name": "a",
        "project": project,
        "agent": host.agent.id,
        "method": "inference",
        "model": model,
        "pre_processor": release,
        "pre_processor_params": {"label": "cat"},
        "poll_interval_seconds": 0.2,
    }
    job = scene.run("seed-to-task", host.agent, params)
    assert job["status"] == "succeeded", (job["error"], scene.stage.console(job["id"]), host.agent.log()[-3000:])
    assert job["result"]["success_count"] == 3
    found = {"id": 1, "type": "classification", "category": "cat", "score": 0.75, "attributes": {"model": "the model"}}
    assert [data["annotations"] for data in scene.data_of(project)] == [[found]] * 3
    provenance, count = scene.stage.v1.list_pre_annotations({"run": job["id"]}, list_all=True)
    facts = ("method", "plugin_release_id", "model_id", "version", "score")
    assert [[row[fact] for fact in facts] for row in provenance] == [
        ["inference", release, model, f"{code}@1.0.0", 0.75]
    ] * count
    assert count == 3
    # Again: it is found running, and there is nothing left to do.
    again = scene.run("seed-to-task", host.agent, params)
    assert (again["result"]["success_count"], again["result"]["skipped_count"]) == (3, 3)
    assert scene.deployments(release) == [{"num_cpus": 0.1, "num_gpus": 0}]
    (application,) = scene.stage.v1.list_serve_applications(plugin_code=code, job__agent=host.agent.id)["results"]
    assert application["status"] == "RUNNING"
    scene.stage.v1.delete_serve_application(application["id"])


class Log:
    """Takes what the seed's example logs."""

    def __init__(self) -> None:
        self.entries = []

    def error(self, message, /, **fields):
        self.entries.append((message, fields))


def run_example(scene, host, release: int, *, timeout_seconds: float) -> tuple[list, RuntimeError, float]:
    """The seed's error example around the seed's action, against the agent; what it logged, and how long it took."""
    names = {}
    exec(compile(to_task_class(), "seed:to_task", "exec"), names)
    params = ToTaskParams(
        name="a",
        project=scene.make_project(1),
        agent=host.agent.id,
        method="inference",
        model=1,
        pre_processor=release,
        poll_interval_seconds=0.1,
        timeout_seconds=timeout_seconds,
    )
    log, action = Log(), names["ToTask"](params, make_ctx(client=scene.stage.v1))
    began = time.monotonic()
    with pytest.raises(RuntimeError) as raised:
        exec(compile(error_example(), "seed:errors", "exec"), {"action": action, "log": log})
    return log.entries, raised.value, time.monotonic() - began


def test_what_does_not_fit_is_a_dispatch_that_failed_within_a_second(scene, host):
    wanted = yaml.safe_load(resources_config())["actions"]["inference"]["required_resources"]
    release = scene.publish_pre_processor(f"heavy-{host.engine}", resources=yaml.safe_dump(wanted))
    for _ in range(20):
        logged, error, seconds = run_example(scene, host, release, timeout_seconds=180)
        # One of several times: this machine has other things to do.
        if seconds < 1:
            break
    assert logged == [("dispatch failed", {"error_type": "ConflictError", "status": 409})]
    assert str(error) == "Pre-processor deployment dispatch failed (ConflictError)"
    assert isinstance(error.__cause__, ConflictError)
    assert "num_gpus: requested 2, available 0" in str(error.__cause__)
    assert seconds < 1
    assert not scene.deployments(release)


def test_what_cannot_start_is_a_terminal_state_at_once(scene, host):
    release = scene.publish_pre_processor(f"broken-{host.engine}", "Broken")
    logged, error, seconds = run_example(scene, host, release, timeout_seconds=180)
    text = "Pre-processor deployment failed: serve application reached terminal state (DEPLOY_FAILED)"
    assert logged == [("pre-processor terminal failure", {"message": text})]
    assert str(error) == text
    assert seconds < 170


def test_what_takes_too_long_is_a_wait_that_timed_out(scene, host):
    release = scene.publish_pre_processor(f"slow-{host.engine}", "Slow")
    logged, error, _ = run_example(scene, host, release, timeout_seconds=1.5)
    assert logged == [("pre-processor wait timeout", {})]
    assert str(error) == "Pre-processor did not become ready within timeout"
