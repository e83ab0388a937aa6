"""The agent's own API through its client, against a real agent."""

import os
from types import SimpleNamespace

import pytest

from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.exceptions import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    StreamLimitExceededError,
    ValidationError,
    WebSocketError,
)
from synapse_sdk.utils.network import StreamLimits
from tests.agent.stage import until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent")]
SLOW = "for i in range(5):\n    print('line', i)\n    time.sleep(0.1)\nreturn {'done': True}"


@pytest.fixture(scope="module")
def client(stage, agent):
    with AgentClient(host=agent.url, token=agent.api_token, user_token=stage.token) as client:
        yield client


@pytest.fixture(scope="module")
def release(stage):
    return f"{stage.publish(SLOW)}@1.0.0"


def test_a_release_is_run_and_the_job_is_the_servers(stage, client, agent, release):
    job = client.run_plugin_release(release, "main", {"value": 1}, data={"flag": "x"})

    assert job["agent_id"] == agent.id
    assert job["params"] == {"flag": "x", "value": 1}
    assert stage.wait(job["id"])["result"] == {"done": True}
    record = until(lambda: (run := client.get_job(job["id"]))["phase"] == "ended" and run)
    assert (record["status"], record["result"], record["plugin"]) == ("succeeded", {"done": True}, release[:-6])
    assert client.get_job_logs(job["id"]) == client.list_job_logs(job["id"]) == "".join(f"line {i}\n" for i in range(5))
    assert job["id"] in [run["id"] for run in client.list_jobs()]


@pytest.mark.parametrize("protocol", ["auto", "websocket", "http"])
def test_a_runs_lines_come_live_to_its_end(client, release, protocol):
    job = client.run_plugin_release(release, "main")["id"]
    until(lambda: any(run["id"] == job for run in client.list_jobs()))

    assert list(client.tail_job_logs(job, protocol=protocol)) == [f"line {i}" for i in range(5)]


def test_auto_takes_http_where_there_is_no_websocket(client, release, monkeypatch):
    job = client.run_plugin_release(release, "main")["id"]
    until(lambda: any(run["id"] == job for run in client.list_jobs()))
    monkeypatch.setitem(__import__("sys").modules, "websockets", None)

    with pytest.raises(WebSocketError):
        list(client.tail_job_logs(job, protocol="websocket"))
    assert list(client.tail_job_logs(job)) == [f"line {i}" for i in range(5)]


def test_a_stream_beyond_its_limits_is_cut_and_long_lines_are_left_out(stage, client, agent):
    job = stage.run(stage.publish("print('x' * 50)\nprint('short')\nprint('three')"), agent)
    stage.wait(job)

    with pytest.raises(StreamLimitExceededError):
        list(client.stream_tail_job_logs(job, limits=StreamLimits(max_messages=2)))
    assert list(client.stream_tail_job_logs(job, limits=StreamLimits(max_message_size=45))) == ["short", "three"]


def test_a_run_is_stopped(stage, client, agent):
    job = stage.run(stage.publish("time.sleep(600)"), agent)
    stage.wait(job, "running")
    until(lambda: any(run["id"] == job for run in client.list_jobs()))

    client.stop_job(job)

    assert stage.wait(job)["status"] == "stopped"


def test_the_agents_token_is_needed_and_a_persons_for_what_is_the_servers(agent, client, release):
    for token in ("wrong", "Token wrong"):
        with AgentClient(agent.url, token) as stranger:
            assert stranger.health_check()["status"] == "ok"
            with pytest.raises(AuthenticationError):
                stranger.list_jobs()
            with pytest.raises(WebSocketError):
                list(stranger.websocket_tail_job_logs("x"))
    with AgentClient(agent.url, agent.api_token) as nobody:
        assert isinstance(nobody.list_jobs(), list)
        with pytest.raises(AuthenticationError, match="SYNAPSE-User"):
            nobody.run_plugin_release(release, "main")
    with pytest.raises(ConfigurationError):
        AgentClient(agent.url)


def test_what_is_not_there_and_what_is_not_allowed_says_so(client, release):
    for missing in ("00000000-0000-0000-0000-000000000000", "..%2f.."):
        with pytest.raises((NotFoundError, ConfigurationError)):
            client.get_job(missing)
    with pytest.raises(ValidationError, match=r"requirements\.txt"):
        client.run_plugin_release(release, "main", requirements=["numpy"])
    with pytest.raises(ValidationError, match="no action"):
        client.run_plugin_release(release, "nothing")
    with pytest.raises(NotFoundError):
        client.get_plugin_release("nothing@1.0.0")


def test_host_and_gpus_are_told(client, agent):
    node = client.get_node(client.list_nodes()[0]["id"])

    assert node["id"] == agent.name
    capacity = SimpleNamespace(**node["capacity"])
    assert (capacity.num_cpus, capacity.num_gpus) == (
        len(os.sched_getaffinity(0)),
        len(client.get_gpu_status()["gpus"]),
    )
    assert 0 < capacity.free_memory_bytes <= capacity.memory_bytes
    assert capacity.free_gpus <= capacity.num_gpus


def test_a_run_may_ask_its_own_agent_only_what_runs_need(stage, agent):
    job = stage.run(
        stage.publish(
            """
            from synapse_sdk.exceptions import AuthenticationError
            try:
                self.ctx.agent_client.list_jobs()
            except AuthenticationError:
                return {"url": self.ctx.agent_client.base_url}
            """
        ),
        agent,
    )

    assert stage.wait(job)["result"] == {"url": agent.url}


def test_a_release_is_fetched_ahead_and_forgotten(stage, client, agent, release):
    code = release.removesuffix("@1.0.0")
    copy = agent.home / "releases" / f"{client.get_plugin_release(release)['sha256']}.zip"
    client.delete_plugin_release(release)
    assert not copy.exists()

    assert client.create_plugin_release(code, "1.0.0")["plugin_code"] == code

    assert copy.exists()
    with pytest.raises(NotFoundError):
        client.create_plugin_release(code, "9.0.0")
    assert any(row["plugin_code"] == code for row in client.list_plugin_releases()["results"])


def test_a_folder_on_the_agents_host_is_run_as_it_is(stage, client):
    folder = stage.folder / "plugins" / stage.publish("return 'first'")
    main = folder / "plugin" / "main.py"
    main.write_text(main.read_text().replace("first", "changed"))

    job = client.run_debug_plugin_release("main", {"value": 1}, plugin_path=str(folder))

    assert stage.wait(job["id"])["result"] == "changed"
    with pytest.raises(ValidationError, match="config"):
        client.run_debug_plugin_release("main", plugin_path=str(folder / "nowhere"))
