"""The first step: every refusal with its exact words, and the life of a pre-processor."""

import time

import pytest

from synapse_sdk.exceptions import AuthenticationError, ConfigurationError, NotFoundError, ServerError
from synapse_sdk.plugins.actions.to_task import PrepareStep
from synapse_sdk.plugins.actions.to_task.serve_status import classify_serve_app, deployment_params
from tests.export.support import make_ctx
from tests.to_task.fakes import RELEASE, client_with, run
from tests.to_task.test_action import Echo

RUNNING = [{"status": "RUNNING"}]


@pytest.mark.parametrize(
    ("params", "fields", "message"),
    [
        ({"target_specification_name": None}, {}, "target_specification_name is required for file method"),
        ({"target_specification_name": "x"}, {}, "Target specification 'x' not found in file specifications"),
        ({"method": "inference", "pre_processor": None}, {}, "pre_processor is required for inference method"),
        ({"method": "inference", "model": None}, {}, "model is required for inference method"),
        ({"method": "inference", "agent": 0}, {}, "agent is required for inference method"),
        ({}, {"tasks": {}}, "No tasks found to annotate"),
        ({}, {"project": {"id": 1}}, "Project does not have a data collection"),
        ({}, {"project": None}, "Invalid project response"),
        ({}, {"collection": "?"}, "Invalid data collection response"),
        ({"method": "inference"}, {"release": []}, "Invalid pre-processor response"),
        ({"method": "inference"}, {"release": {"config": {}}}, "Invalid pre-processor configuration"),
    ],
)
def test_refusals_have_their_words(params, fields, message):
    client = client_with(1)
    for name, value in fields.items():
        setattr(client, name, value)
    with pytest.raises(RuntimeError) as raised:
        run(Echo, client, **params)
    assert str(raised.value) == message
    assert isinstance(raised.value, ValueError)


def test_a_running_pre_processor_is_used_as_it_is():
    client = client_with(1, apps=[RUNNING])
    run(Echo, client, method="inference")
    assert client.app_queries == [{"plugin_code": "finder", "job__agent": 2}]
    assert [body["action"] for _, body in client.runs] == ["inference"]


def test_none_running_is_deployed_and_waited_for():
    client = client_with(1, apps=[[], [], [{"status": "DEPLOYING"}], RUNNING])
    result, logger = run(Echo, client, method="inference")
    assert result.success_count == 1
    assert client.runs[0] == (
        "finder",
        {"agent": 2, "action": "deployment", "version": "1.2.0", "params": {"num_cpus": 2, "num_gpus": 0.1}},
    )
    assert "No pre-processor is running; one is being deployed." in logger.messages()


def test_dispatch_that_is_refused_names_the_type_alone_and_keeps_the_cause():
    refusal = ServerError(503, "http://host/?token=syn_secret-0123456789 num_gpus: requested 1, available 0")
    client = client_with(1, apps=[[]], deployment=refusal)
    params = {"name": "a", "project": 1, "agent": 2, "method": "inference", "model": 3, "pre_processor": 7}
    ctx = make_ctx(client=client)
    with pytest.raises(RuntimeError) as raised:
        Echo.dispatch(params, ctx)
    (told,) = ctx.logger.events("to_task_deployment_refused")
    assert told["error_type"] == "ServerError"
    assert "num_gpus: requested 1, available 0" in told["reason"]
    assert "syn_secret" not in told["reason"]
    assert str(raised.value) == "Pre-processor deployment dispatch failed (ServerError)"
    assert raised.value.__cause__ is refusal


@pytest.mark.parametrize("status", ["DEPLOY_FAILED", "UNHEALTHY", "UNAVAILABLE"])
def test_terminal_states_end_the_wait_at_once(status):
    client = client_with(1, apps=[[], [{"status": status}]])
    started = time.monotonic()
    with pytest.raises(RuntimeError) as raised:
        run(Echo, client, method="inference", timeout_seconds=30)
    expected = f"Pre-processor deployment failed: serve application reached terminal state ({status})"
    assert str(raised.value) == expected
    assert time.monotonic() - started < 25


@pytest.mark.parametrize(
    "answer", [[], [{"status": "NOT_STARTED"}], [{"status": "DELETING"}], None, "?", {"detail": 1}]
)
def test_whatever_is_pending_is_waited_for_until_the_time_is_over(answer):
    client = client_with(1, apps=[answer])
    with pytest.raises(RuntimeError) as raised:
        run(Echo, client, method="inference", timeout_seconds=0.1)
    assert str(raised.value) == "Pre-processor did not become ready within timeout"


def test_a_deployment_run_that_failed_ends_the_wait():
    client = client_with(1, apps=[[]], deployment={"id": "job-1"}, jobs={"job-1": {"status": "FAILED"}})
    with pytest.raises(RuntimeError, match=r"reached terminal state \(DEPLOY_FAILED\)"):
        run(Echo, client, method="inference", timeout_seconds=30)


def test_the_failure_of_an_earlier_deployment_does_not_end_this_wait():
    old = {"id": 1, "status": "DEPLOY_FAILED", "updated": "yesterday"}
    client = client_with(1, apps=[[old], [old], RUNNING])
    assert run(Echo, client, method="inference")[0].success_count == 1


def test_a_server_that_restarts_during_the_wait_is_asked_again():
    class Restarting(type(client_with(0))):
        looks = 0

        def list_serve_applications(self, params=None, **filters):
            self.looks += 1
            if self.looks == 2:
                raise ServerError(502, "restarting")
            return RUNNING if self.looks > 2 else []

    plain = client_with(1)
    client = Restarting(tasks=plain.tasks)
    assert run(Echo, client, method="inference")[0].success_count == 1


def test_a_refused_token_is_no_reason_to_wait():
    client = client_with(1)

    def refuse(params=None):
        raise AuthenticationError(401, "no")

    client.list_serve_applications = refuse
    with pytest.raises(RuntimeError) as raised:
        run(Echo, client, method="inference")
    assert isinstance(raised.value.__cause__, AuthenticationError)


def test_another_version_that_runs_does_not_count():
    client = client_with(
        1, apps=[[{"status": "RUNNING", "version": "0.9"}], [{"status": "RUNNING", "version": "1.2.0"}]]
    )
    run(Echo, client, method="inference")
    assert client.runs[0][1]["action"] == "deployment"


@pytest.mark.parametrize(
    ("apps", "expected"),
    [
        ([{"status": "RUNNING"}], ("running", None)),
        ([{"status": "DEPLOY_FAILED"}, {"status": "RUNNING"}], ("running", None)),
        ([{"status": "DEPLOY_FAILED"}], ("failed", "DEPLOY_FAILED")),
        ([{"status": "UNHEALTHY"}, {"status": "DEPLOYING"}], ("failed", "UNHEALTHY")),
        ([{"status": "UNAVAILABLE"}], ("failed", "UNAVAILABLE")),
        ([{"status": "NOT_STARTED"}], ("pending", None)),
        ([{"status": "DEPLOYING"}], ("pending", None)),
        ([{"status": "DELETING"}], ("pending", None)),
        ([], ("pending", None)),
        (None, ("pending", None)),
        ([None, 3, {"status": None}, {}], ("pending", None)),
        ({"count": 1, "results": [{"status": "RUNNING"}]}, ("running", None)),
        (([{"status": "running"}], 1), ("running", None)),
    ],
)
def test_statuses_fold_into_three_buckets(apps, expected):
    assert classify_serve_app(apps) == expected
    assert PrepareStep._classify_serve_app(apps) == expected


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        (None, {"num_cpus": 1, "num_gpus": 0.1}),
        ({}, {"num_cpus": 1, "num_gpus": 0.1}),
        ({"required_cpu_count": 2, "num_cpus": 8}, {"num_cpus": 2, "num_gpus": 0.1}),
        ({"num_cpus": 8, "num_gpus": 2}, {"num_cpus": 8, "num_gpus": 2}),
        ({"required_gpu_count": 0}, {"num_cpus": 1, "num_gpus": 0}),
        ({"num_replicas": 2, "memory": 5}, {"num_cpus": 1, "num_gpus": 0.1, "num_replicas": 2, "memory": 5}),
        ({"memory_bytes": 6}, {"num_cpus": 1, "num_gpus": 0.1, "memory": 6}),
        ({"memory": 5, "memory_bytes": 6}, {"num_cpus": 1, "num_gpus": 0.1, "memory": 5}),
        ({"memory": None, "num_replicas": None, "num_gpus": None}, {"num_cpus": 1, "num_gpus": 0.1}),
    ],
)
def test_resources_are_sent_under_their_wire_names_and_never_as_null(declared, sent):
    assert deployment_params(declared) == sent


def test_release_without_inference_section_gets_the_defaults():
    client = client_with(1, apps=[[], RUNNING], release={**RELEASE, "config": {"code": "finder"}})
    run(Echo, client, method="inference")
    assert client.runs[0][1]["params"] == {"num_cpus": 1, "num_gpus": 0.1}


@pytest.mark.parametrize("value", ["many", 0, 1000])
def test_a_setting_that_makes_no_sense_is_refused(value):
    with pytest.raises(ConfigurationError, match="to_task setting concurrency"):
        run(Echo, client_with(1), extra_params={"to_task_concurrency": value})


class Agent:
    """An agent whose application answers what it was asked."""

    def __init__(self, problem=None) -> None:
        self.asked, self.problem = [], problem

    def infer_serve_application(self, name, *, find_model, method="post", path="/", json=None):
        model, find = find_model
        self.asked.append((name, model, find(), method, json))
        if self.problem:
            raise self.problem
        return {"ok": True}


def run_beside(agent, client):
    client.get_model = lambda model_id: {"id": model_id, "url": "signed"}
    params = {"name": "a", "project": 1, "agent": 2, "method": "inference", "model": 3, "pre_processor": 7}
    return Echo.dispatch(params, make_ctx(client=client, agent_client=agent))


def test_an_application_that_can_be_asked_directly_is():
    client, agent = client_with(3, apps=[[{"status": "RUNNING", "name": "finder@1.2.0"}]]), Agent()
    assert run_beside(agent, client).success_count == 3
    assert client.runs == []
    question = {"image_path": "http://files/1.jpg"}
    assert ("finder@1.2.0", "3", {"id": 3, "url": "signed"}, "post", question) in agent.asked


def test_an_application_of_another_agent_is_asked_through_the_server():
    client = client_with(3, apps=[[{"status": "RUNNING", "name": "finder@1.2.0"}]])
    agent = Agent(NotFoundError(404, "finder@1.2.0 is not deployed here"))
    assert run_beside(agent, client).success_count == 3
    assert [body["action"] for _, body in client.runs] == ["inference"] * 3


def test_an_inference_that_the_server_runs_as_a_job_is_waited_for():
    begun = {"id": "j", "status": "pending", "progress_record": {}}
    client = client_with(1, answer=begun, jobs={"j": {**begun, "status": "succeeded", "result": {"boxes": 1}}})
    run(Echo, client, method="inference")
    assert client.submitted[1]["data"]["answer"] == {"boxes": 1}


def test_an_inference_whose_job_fails_fails_its_task():
    begun = {"id": "j", "status": "pending", "progress_record": {}}
    client = client_with(1, answer=begun, jobs={"j": {**begun, "status": "failed"}})
    result, _ = run(Echo, client, method="inference")
    assert result.failures[0].error == "Inference run j ended as failed"
