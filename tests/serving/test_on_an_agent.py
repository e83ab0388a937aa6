"""Deployed by a run, known to the server, asked by other runs: with a real server and real agents."""

import hashlib

import httpx2
import pytest

from synapse_agent.engines.serving import process as processes
from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.exceptions import ConflictError, NotFoundError
from synapse_sdk.loggers import ConsoleLogger
from synapse_sdk.plugins.actions.inference import BaseDeploymentAction
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.plugins.packaging.publish import pack_plugin, publish_plugin
from tests.agent.stage import Stage, until
from tests.folders import contents_below
from tests.serving.conftest import RELEASE, is_quick
from tests.serving.release.plugin.models import Echo

# One worker runs them all: they share a deployment, and the last one ends it.
pytestmark = pytest.mark.xdist_group("served")
NAME = "models-under-test@1.0.0"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("stage"))
    publish_plugin(pack_plugin(RELEASE, stage.folder, notify=lambda _: None), stage.v1)
    yield stage
    for agent in stage.agents:
        # In order, so that its replicas end with it.
        agent.kill(15)
    leftovers = {pid: mark for agent in stage.agents for pid, mark in processes.marked(engine_id(agent)).items()}
    stage.close()
    for client in clients.values():
        client.close()
    assert not leftovers


def engine_id(agent) -> str:
    return hashlib.sha256(str(agent.home / "serving").encode()).hexdigest()[:10]


@pytest.fixture(scope="module")
def agent(stage):
    return stage.start_agent(max_runs=4)


class Deployment(BaseDeploymentAction):
    entrypoint = Echo


clients: dict[str, AgentClient] = {}


def client_of(agent) -> AgentClient:
    return clients.setdefault(agent.url, AgentClient(agent.url, agent.api_token))


def restart(stage, agent):
    # At another port: the server learns it from the first heartbeat.
    former = agent.url
    agent.start()
    until(lambda: stage.v1.get_agent(agent.id).url != former)
    agent.wait_connected()


def run(stage, agent, action, **params):
    body = {"agent": agent.id, "action": action, "params": params}
    return stage.wait(stage.v1.run_plugin("models-under-test", body)["id"])


@pytest.fixture(scope="module")
def deployed(stage, agent):
    job = run(stage, agent, "deployment", num_cpus=0.1, num_gpus=0, num_replicas=2)
    assert job["status"] == "succeeded", (job["error"], stage.console(job["id"]), agent.log())
    return job["result"]


def listed(stage, agent):
    return stage.v1.list_serve_applications({"plugin_code": "models-under-test", "job__agent": agent.id})["results"]


def test_a_deployment_runs_and_the_server_knows_it(stage, agent, deployed):
    (application,) = listed(stage, agent)
    assert (application["name"], application["id"]) == (NAME, deployed["serve_application"])
    until(lambda: listed(stage, agent)[0]["status"] == "RUNNING")
    (application,) = listed(stage, agent)
    assert (application["replicas"], application["version"], application["agent_id"]) == (2, "1.0.0", agent.id)
    assert application["route_prefix"] == deployed["route_prefix"]


def test_the_inference_action_asks_it(stage, agent, deployed):
    job = run(stage, agent, "inference", json={"image_path": "a.jpg"})
    assert job["status"] == "succeeded", (job["error"], stage.console(job["id"]))
    assert job["result"]["image_path"] == "a.jpg"


def test_it_is_asked_through_its_agent_by_callers_elsewhere(agent, deployed):
    url = f"{agent.url}/serve{deployed['route_prefix']}/"
    headers = {"Authorization": agent.api_token}
    assert httpx2.post(url, json={"a": 1}, headers=headers, trust_env=False, timeout=60).json()["a"] == 1
    assert httpx2.post(url, json={"a": 1}, trust_env=False, timeout=60).status_code == 401
    nowhere = f"{agent.url}/serve/nothing/"
    assert httpx2.post(nowhere, headers=headers, trust_env=False, timeout=60).status_code == 404
    body = {"method": "post", "json": {"a": 2}}
    answer = httpx2.post(
        f"{agent.url}/serve_applications/{NAME}/infer/", json=body, headers=headers, trust_env=False, timeout=60
    ).json()
    assert answer["a"] == 2


def test_the_same_deployment_again_is_the_same_application(stage, agent, deployed):
    before = client_of(agent).get_serve_application(NAME)
    jobs = [
        stage.v1.run_plugin(
            "models-under-test",
            {"agent": agent.id, "action": "deployment", "params": {"num_cpus": 0.1, "num_gpus": 0, "num_replicas": 2}},
        )["id"]
        for _ in range(2)
    ]
    assert [stage.wait(job)["status"] for job in jobs] == ["succeeded", "succeeded"]
    assert client_of(agent).get_serve_application(NAME)["revision"] == before["revision"]
    assert len(listed(stage, agent)) == 1


def test_what_can_never_fit_is_refused_within_a_second_and_by_name(stage, agent, deployed):
    client = client_of(agent)
    wish = {"kind": "serve", "num_cpus": 1000, "num_gpus": 1, "memory": 2**50, "num_replicas": 2}
    assert is_quick(lambda: client.check_feasibility(**wish))
    answer = client.check_feasibility(**wish)
    assert not answer["allowed"]
    assert {reason["resource"]: reason["requested"] for reason in answer["reasons"]} == {
        "num_cpus": 2000,
        "num_gpus": 2,
        "memory": 2**51,
    }
    assert client.check_feasibility(num_cpus=0.01) == {"allowed": True, "reasons": []}
    body = {"agent": agent.id, "action": "deployment", "params": {"num_cpus": 1000}}

    def deploy():
        with pytest.raises(
            ConflictError, match=r"insufficient cluster capacity \(\[num_cpus: requested 1000, available"
        ):
            stage.v1.run_plugin("models-under-test", body)

    assert is_quick(deploy)
    # Past the server's gate, the action's own.
    env = PluginEnvironment({"SYNAPSE_PLUGIN_RELEASE_CODE": NAME})
    ctx = RuntimeContext(ConsoleLogger(), env, agent_client=client)
    denied = r"Serve deploy denied: insufficient cluster capacity \(\[num_cpus: requested 1000, available"
    with pytest.raises(RuntimeError, match=denied):
        Deployment.dispatch({"num_cpus": 1000}, ctx)
    spec = {"name": "other@1", "route_prefix": "/other", "entrypoint": "a:B", "folder": str(RELEASE)}
    with pytest.raises(ConflictError, match="does not fit"):
        client.deploy_serve_application({**spec, "resources": {"num_cpus": 1000}})


def test_an_agent_that_is_killed_finds_its_replicas_again(stage, agent, deployed):
    endpoint = client_of(agent).get_serve_application(NAME)["endpoint"]
    before = set(processes.marked(engine_id(agent)))
    agent.kill()
    assert httpx2.post(f"{endpoint}/", json={}, trust_env=False, timeout=60).json()["pid"] in before
    restart(stage, agent)
    until(lambda: client_of(agent).get_serve_application(NAME)["replicas"] == 2)
    assert set(processes.marked(engine_id(agent))) == before
    assert client_of(agent).get_serve_application(NAME)["endpoint"] == endpoint
    until(lambda: listed(stage, agent)[0]["status"] == "RUNNING")


def test_an_agent_killed_in_the_middle_of_a_deployment_finishes_it(stage):
    agent = stage.start_agent()
    body = {
        "agent": agent.id,
        "action": "deployment",
        "params": {"num_cpus": 0.1, "num_gpus": 0, "num_replicas": 2, "wait": False},
    }
    stage.wait(stage.v1.run_plugin("models-under-test", body)["id"])
    agent.kill()
    restart(stage, agent)
    until(lambda: client_of(agent).get_serve_application(NAME)["status"] == "RUNNING")
    until(lambda: len(processes.marked(engine_id(agent))) == 2)


def records_of(agent):
    return [text.decode() for path, text in contents_below(agent.home) if path.name == "application.json"]


def test_no_key_lies_where_people_read(stage, agent, deployed):
    run(stage, agent, "deployment", num_cpus="wrong")
    client = client_of(agent)
    texts = [client.get_serve_application_logs(NAME), str(client.list_serve_applications()), agent.log()]
    texts += [str(listed(stage, agent)), *records_of(agent)]
    keys = [stage.token, agent.api_token, (agent.home / "serving" / "key").read_text()]
    assert not [key[:6] for key in keys for text in texts if key in text]


def test_a_model_of_the_platform_answers_from_checked_weights(stage, agent, tmp_path):
    client = client_of(agent)
    (tmp_path / "weights.txt").write_text("the weights")
    model = stage.v1.create_model(
        {"name": "m", "metadata": {"file_name": "weights.txt"}}, file=tmp_path / "weights.txt"
    )
    assert model["sha256"] == hashlib.sha256(b"the weights").hexdigest()
    spec = {"name": "multi@1", "route_prefix": "/multi", "folder": str(RELEASE), "resources": {"num_cpus": 0.1}}
    client.deploy_serve_application({**spec, "entrypoint": "plugin.models:Multiplexed"})
    until(lambda: client.get_serve_application("multi@1")["status"] == "RUNNING")
    env = PluginEnvironment({"SYNAPSE_PLUGIN_RELEASE_CODE": "multi@1"})
    ctx = RuntimeContext(ConsoleLogger(), env, client=stage.v1, agent_client=client)
    assert Echo.infer_remote({"model": model["id"], "json": {}}, ctx)["answer"] == "the weights"
    client.delete_serve_application("multi@1")
    until(lambda: "multi@1" not in [row["name"] for row in client.list_serve_applications()])


def test_deleting_it_on_the_server_ends_it(stage, agent, deployed):
    stage.v1.delete_serve_application(listed(stage, agent)[0]["id"])
    until(lambda: not listed(stage, agent))
    with pytest.raises(NotFoundError):
        client_of(agent).get_serve_application(NAME)
    until(lambda: not processes.marked(engine_id(agent)))
    job = run(stage, agent, "inference", json={})
    assert job["status"] == "failed"
    assert "deploy it first" in job["error"]
