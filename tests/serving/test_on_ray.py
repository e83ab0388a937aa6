"""The whole way on a Ray cluster: a real server, real agents, published releases, and heads and agents that are killed."""

import shutil
import socket
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from synapse_agent.engines.ray.cluster import RayCluster
from synapse_agent.services.serving_setup import OnRay, serve_on_ray
from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.exceptions import ClientError, ConflictError, ServerError
from synapse_sdk.plugins.packaging.publish import pack_plugin, publish_plugin
from tests.agent.stage import Stage, processes_with, until
from tests.engines.ray_cluster import RayHead
from tests.serving.conftest import KEY, RELEASE, free_port, is_quick, spec_of

pytestmark = [
    pytest.mark.system,
    pytest.mark.ray,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900),
]

CODE, NAME = "models-under-test", "models-under-test@1.0.0"
SEGMENTER = Path(__file__).parents[2] / "examples" / "plugins" / "classical-segmenter"
PHOTOGRAPHS = ("coins.png", "page.png", "microaneurysms.png")
# Nodes and replicas take their time where the machine is busy.
SECONDS = 180.0
SMALL = {"num_cpus": 0.1, "num_gpus": 0}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("stage"))
    publish_plugin(pack_plugin(RELEASE, stage.folder, notify=lambda _: None), stage.v1)
    yield stage
    for agent in stage.agents:
        # In order, so that what it serves ends with it.
        agent.kill(15)
    stage.close()


@pytest.fixture(scope="module")
def agent(stage, ray_cluster):
    return stage.start_agent(ray_address=ray_cluster.dashboard, ray_serve_port=free_port())


def run(stage, agent, code, action, /, **params):
    job = stage.v1.run_plugin(code, {"agent": agent.id, "action": action, "params": params})["id"]
    ended = stage.wait(job, seconds=SECONDS)
    assert ended["status"] == "succeeded", (ended["error"], stage.console(job), agent.log()[-2000:])
    return ended["result"]


def state_of(agent):
    # An agent that was started a moment ago may not answer yet.
    with suppress(ClientError), AgentClient(agent.url, agent.api_token) as client:
        return client.get_serve_application(NAME)
    return {"status": None}


def asked(agent):
    headers = {"Authorization": agent.api_token}
    url = f"{agent.url}/serve_applications/{NAME}/infer/"
    return httpx2.post(url, json={"json": {"a": 1}}, headers=headers, trust_env=False, timeout=120)


def told_by(stage, agent):
    (row,) = stage.v1.list_agents({"search": agent.name})["results"]
    return row["capacity"]


def test_what_can_never_fit_on_the_cluster_is_refused_within_a_second(stage, agent):
    until(lambda: told_by(stage, agent).get("ray"))
    with AgentClient(agent.url, agent.api_token) as client:
        assert client.check_feasibility(num_cpus=0.01) == {"allowed": True, "reasons": []}
        assert is_quick(lambda: client.check_feasibility(num_cpus=2, num_replicas=2))
        (reason,) = client.check_feasibility(num_cpus=2, num_replicas=2)["reasons"]
        (node,) = client.list_nodes()
        assert client.get_node(node["id"])["capacity"]["num_cpus"] == 2
    assert (reason["resource"], reason["requested"]) == ("num_cpus", 4)
    assert reason["available"] <= 2

    def deploy():
        with pytest.raises(ConflictError, match="insufficient cluster capacity"):
            stage.v1.run_plugin(CODE, {"agent": agent.id, "action": "deployment", "params": {"num_cpus": 3}})

    assert is_quick(deploy)


def test_photographs_are_annotated_alike_by_both_engines(stage, agent, tmp_path):
    skimage = pytest.importorskip("skimage")
    # What the segmenter needs is installed here; that a release's requirements are, is tested elsewhere.
    folder = tmp_path / "segmenter"
    shutil.copytree(SEGMENTER, folder, ignore=shutil.ignore_patterns("requirements.txt", "tests", "__pycache__"))
    release = publish_plugin(pack_plugin(folder, tmp_path, notify=lambda _: None), stage.v1).release_id
    model = stage.v1.create_model({"name": "otsu"})["id"]
    images = [Path(skimage.__file__).parent / "data" / name for name in PHOTOGRAPHS]
    images = [image for image in images if image.exists()]
    collection = stage.v2.data_collections.create(
        name="photographs", file_specifications=[{"name": "image", "is_primary": True}]
    )["id"]

    found = {}
    for host in (agent, stage.start_agent()):
        project = stage.v2.projects.create(name=f"of {host.name}", data_collection=collection)["id"]
        units = [{"files": {"image": image}} for image in images]
        stage.v1.upload_data_collection(collection, units, project_id=project)
        params = {"project": project, "agent": host.id, "pre_processor": release, "model": model}
        result = run(stage, host, "classical-segmenter", "to_task", name="a", method="inference", **params)
        assert (result["success_count"], result["failed_count"]) == (len(images), 0)
        rows, _ = stage.v1.list_tasks({"project": project, "expand": "data"}, list_all=True)
        found[host.name] = [row["data"]["annotations"] for row in sorted(rows, key=lambda row: row["id"])]

    on_ray, embedded = found.values()
    assert len(on_ray) == len(images) >= 1
    assert len(on_ray[0]) > 20, "coins lie apart"
    assert on_ray == embedded
    with AgentClient(agent.url, agent.api_token) as client:
        client.delete_serve_application("classical-segmenter@1.0.0")
        until(lambda: not client.list_serve_applications(), SECONDS)


def test_an_agent_killed_in_the_middle_of_a_deployment_finishes_it(stage, agent):
    run(stage, agent, CODE, "deployment", wait=False, **SMALL)
    agent.kill()
    agent.start(agent.port)
    agent.wait_connected()

    until(lambda: state_of(agent)["status"] == "RUNNING", SECONDS)

    assert asked(agent).json()["a"] == 1
    assert run(stage, agent, CODE, "inference", json={"image_path": "a.jpg"})["image_path"] == "a.jpg"
    with AgentClient(agent.url, agent.api_token) as client:
        client.delete_serve_application(NAME)
        until(lambda: not client.list_serve_applications(), SECONDS)


def test_a_port_that_another_program_has_is_not_shared_with_it(tmp_path):
    head = RayHead()
    head.start()
    cluster = RayCluster(head.cluster.dashboard)
    try:
        with socket.socket() as taken:
            # As the proxies of another cluster on this machine do.
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            serving = serve_on_ray(tmp_path, KEY, OnRay(cluster, port, tmp_path / "archives"))
            with pytest.raises(ServerError, match=rf"port {port} is taken.*SYNAPSE_AGENT_RAY_SERVE_PORT"):
                serving.deploy(spec_of("Echo"))
            assert serving.engine.states() == []
        assert serving.deploy(spec_of("Echo")).status == "DEPLOYING"
    finally:
        cluster.close()
        head.close()


def test_a_head_that_is_killed_and_started_again_loses_the_run_and_serves_again(stage):
    head = RayHead()
    head.start()
    try:
        agent = stage.start_agent(ray_address=head.cluster.dashboard, ray_serve_port=free_port())
        run(stage, agent, CODE, "deployment", **SMALL)
        body = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        job = stage.run(stage.publish(f"{body}print('up', flush=True)\ntime.sleep(600)"), agent)
        until(lambda: "up" in stage.console(job), SECONDS)

        head.kill()

        until(lambda: state_of(agent)["status"] == "UNAVAILABLE", SECONDS)
        until(lambda: not processes_with(f"SYNAPSE_JOB_ID={job}"), SECONDS)

        head.start()

        ended = stage.wait(job, seconds=SECONDS)
        assert (ended["status"], ended["exit_kind"]) == ("failed", "lost")
        until(lambda: state_of(agent)["status"] == "RUNNING", SECONDS)
        assert asked(agent).json()["a"] == 1
        agent.kill(15)
    finally:
        head.close()
