"""Deployments whose agent is killed at any moment, and one release on two agents: each host serves what it was told."""

import random
import signal
import time

import httpx2
import pytest

from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.plugins.packaging.publish import pack_plugin, publish_plugin
from tests.agent.stage import until
from tests.serving.conftest import RELEASE

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent"), pytest.mark.timeout(600)]
CODE = "models-under-test"
NAME = f"{CODE}@1.0.0"
REPLICAS = 2
PARAMS = {"num_cpus": 0.1, "num_gpus": 0, "num_replicas": REPLICAS}


@pytest.fixture(scope="module", autouse=True)
def published(stage):
    publish_plugin(pack_plugin(RELEASE, stage.folder, notify=lambda _: None), stage.v1)


@pytest.fixture
def hosts(stage):
    """Two agents, whose replicas end with the test."""
    agents = [stage.start_agent() for _ in range(2)]
    yield agents
    for agent in agents:
        agent.kill(signal.SIGTERM)


def deploy(stage, agent):
    return stage.v1.run_plugin(CODE, {"agent": agent.id, "action": "deployment", "params": PARAMS})["id"]


def listed(stage, agent):
    return stage.v1.list_serve_applications({"plugin_code": CODE, "job__agent": agent.id})["results"]


def state_of(agent):
    with AgentClient(agent.url, agent.api_token) as client:
        return client.get_serve_application(NAME)


def answers(agent):
    answer = httpx2.post(f"{state_of(agent)['endpoint']}/", json={"a": 1}, trust_env=False, timeout=60)
    return answer.json()["a"] == 1


@pytest.mark.parametrize("seed", range(2))
def test_a_deployment_ends_well_though_its_agent_is_killed_meanwhile(stage, hosts, seed):
    agent, chance = hosts[0], random.Random(seed)
    job = deploy(stage, agent)
    for _ in range(2):
        # While the run starts, deploys, registers, waits; while the replicas start.
        time.sleep(chance.uniform(0.0, 3.0))
        agent.kill(signal.SIGKILL)
        agent.start(agent.port)

    ended = stage.wait(job)

    assert ended["status"] == "succeeded", (ended, stage.console(job), agent.log()[-4000:])
    agent.wait_up()
    until(lambda: state_of(agent)["status"] == "RUNNING")
    assert answers(agent)
    until(lambda: [row["status"] for row in listed(stage, agent)] == ["RUNNING"])
    until(lambda: state_of(agent)["replicas"] == REPLICAS)


def test_two_agents_told_to_deploy_one_release_serve_it_each_by_itself(stage, hosts):
    jobs = [deploy(stage, agent) for agent in hosts * 2]

    assert [stage.wait(job)["status"] for job in jobs] == ["succeeded"] * 4

    for agent in hosts:
        until(lambda agent=agent: [state_of(agent)[key] for key in ("replicas", "status")] == [REPLICAS, "RUNNING"])
        (row,) = until(lambda agent=agent: listed(stage, agent))
        assert (row["agent_id"], row["name"]) == (agent.id, NAME)
    assert state_of(hosts[0])["endpoint"] != state_of(hosts[1])["endpoint"]
    stage.v1.delete_serve_application(listed(stage, hosts[0])[0]["id"])
    until(lambda: not listed(stage, hosts[0]))
    assert answers(hosts[1])
    assert len(listed(stage, hosts[1])) == 1
