"""The server's API of the playground: containers of all agents, as people with a login make, watch and remove them."""

import json
from urllib.parse import quote

import pytest

from tests.agent.stage import until
from tests.playground import apps
from tests.playground.process_engine import BASE, ProcessEngine
from tests.playground.scene import PlaygroundHost, write_release
from tests.playground.server import running_platform

# One range of ports is for all of them.
pytestmark = [pytest.mark.xdist_group("playground")]
PATH = "/v2/playground-containers/"


@pytest.fixture
def platform(tmp_path):
    with running_platform(tmp_path / "server") as platform:
        yield platform


@pytest.fixture
def new_host(tmp_path):
    engines = []

    def make(name: str, **settings) -> PlaygroundHost:
        engines.append(ProcessEngine(tmp_path / name / "engine"))
        return PlaygroundHost(tmp_path / name / "agent", engines[-1], gradio_container_base_image=BASE, **settings)

    yield make
    for engine in engines:
        engine.is_away = False
        engine.close()


def events(answer) -> list[dict]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: ")]


def test_a_container_is_made_watched_changed_and_removed(platform, new_host, tmp_path):
    agent, admin = platform.add_agent(new_host("one")), platform.admin
    archive = write_release(tmp_path, code="echo", app=apps.ECHO)
    with archive.open("rb") as content:
        form = {"model": "7", "params": json.dumps({"size": 512}), "labels": ["a", "b"]}
        answer = admin.post(f"{PATH}upload/", data=form, files={"file": content})
    build = answer.json()["data"]["build"]
    assert (answer.status_code, answer.json()["data"]["container"]) == (202, None)
    with admin.stream("GET", f"/v2/playground-builds/{build['id']}/logs/stream/") as log:
        lines = events(log)
    assert [line["type"] for line in lines][-1] == "complete"
    assert any("Running" in line["message"] for line in lines)

    made = platform.made(answer.json()["data"])
    assert (made["id"], made["agent"], made["agent_name"]) == (f"{agent}-{made['record']}", agent, "host-1")
    assert (made["status"], made["labels"], made["model"], made["params"]) == ("running", ["a", "b"], 7, {"size": 512})
    assert made["url"].endswith(f"/playground/{made['id']}/")
    found = admin.get(f"{PATH}{made['id']}/").json()["data"]
    assert (found["build_id"], found["attrs"]["Id"]) == (build["id"], made["container_id"])
    again = admin.post(PATH, json={"plugin_release": "echo@1.0.0", "model": 7})
    assert (again.status_code, again.json()["data"]["container"]["restarted"]) == (200, True)
    until(lambda: "the app begins" in admin.get(f"{PATH}{made['id']}/logs/").text, 60)

    for change, status in (("pause", "paused"), ("start", "running"), ("stop", "stopped")):
        changed = admin.post(f"{PATH}{made['id']}/{change}/").json()["data"]["container"]
        assert changed["status"] == status
    restarted = platform.made(admin.post(f"{PATH}{made['id']}/restart/").json()["data"])
    assert (restarted["id"], restarted["status"]) == (made["id"], "running")

    with admin.stream("GET", f"{PATH}{made['id']}/logs/stream/") as log:
        assert admin.delete(f"{PATH}{made['id']}/").status_code == 204
        assert events(log)[-1]["type"] == "complete"
    assert admin.get(f"{PATH}{made['id']}/").status_code == 404
    assert admin.get(PATH).json()["data"] == []


def test_containers_of_all_agents_are_one_list(platform, new_host, tmp_path):
    agents = [
        platform.add_agent(new_host(name, first_port=port), name) for name, port in (("one", 7860), ("two", 8360))
    ]
    archive = write_release(tmp_path, code="echo", app=apps.ECHO)
    for agent in agents:
        with archive.open("rb") as content:
            answer = platform.admin.post(f"{PATH}upload/", params={"agent": agent}, files={"file": content})
        platform.made(answer.json()["data"])
    answer = platform.admin.get(PATH).json()
    assert [row["agent_name"] for row in answer["data"]] == ["two", "one"]
    assert answer["meta"]["unreachable"] == []
    assert len(platform.admin.get(PATH, params={"status": "running"}).json()["data"]) == 2
    assert platform.admin.get(PATH, params={"status": "failed"}).json()["data"] == []
    assert len(platform.admin.get(PATH, params={"search": "ech"}).json()["data"]) == 2
    assert platform.admin.get(PATH, params={"model": 3}).json()["data"] == []
    # A wish goes to the agent that has the pair already.
    again = platform.admin.post(PATH, json={"plugin_release": "echo@1.0.0"}).json()["data"]["container"]
    assert again["agent"] in agents
    chosen = platform.admin.post(PATH, json={"plugin_release": "echo@1.0.0", "agent": agents[1]}).json()["data"]
    assert chosen["container"]["agent"] == agents[1]


def test_agents_that_do_not_answer_are_named_and_hold_up_nothing(platform, new_host):
    platform.add_agent(new_host("one"))
    silent = platform.admin.post("/v2/agents/", json={"name": "silent", "url": "http://127.0.0.1:9"}).json()["data"]
    hosts = {row["name"]: row for row in platform.admin.get("/v2/playground-hosts/").json()["data"]}
    assert (hosts["host-1"]["connected"], hosts["host-1"]["engine"]["available"]) == (True, True)
    assert (hosts["host-1"]["problem"], hosts["silent"]["connected"]) == (None, False)
    platform.report(silent["token"], "http://127.0.0.1:9")
    assert platform.admin.get(PATH).json()["meta"]["unreachable"] == ["silent"]
    hosts = {row["name"]: row for row in platform.admin.get("/v2/playground-hosts/").json()["data"]}
    assert "does not answer" in hosts["silent"]["problem"]
    refused = platform.admin.get(f"{PATH}{silent['id']}-1/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")
    assert refused.json()["error"]["message"].startswith("The agent 'silent' does not answer this server")
    assert platform.admin.get(f"/playground/{silent['id']}-1/").status_code == 502


def test_what_an_agent_refuses_is_told_in_its_words(platform, new_host, tmp_path):
    assert platform.admin.post(PATH, json={"plugin_release": "none@1"}).status_code == 409
    host = new_host("one")
    agent = platform.add_agent(host)
    refused = platform.admin.post(PATH, json={"plugin_release": "none@1.0.0"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert "'none@1.0.0'" in refused.json()["error"]["message"]
    assert platform.admin.post(PATH, json={"plugin_release": "a@1", "agent": 99}).status_code == 400
    assert platform.admin.post(PATH, json={"plugin_release": "a@1", "unknown": 1}).status_code == 400
    assert platform.admin.post(f"{PATH}upload/", content=b"x").status_code == 400
    assert platform.admin.get(PATH, params={"unknown": 1}).status_code == 400
    for wrong in ("x", "-", "1-", f"{agent}-99", "99-1", "9" * 30 + "-1", quote("1-../../health", safe="")):
        assert platform.admin.get(f"{PATH}{wrong}/").status_code == 404, wrong
    made = platform.upload(write_release(tmp_path, code="echo", app=apps.ECHO))
    host.engine.is_away = True
    refused = platform.admin.post(f"{PATH}{made['id']}/pause/")
    assert (refused.status_code, "engine" in refused.json()["error"]["message"]) == (409, True)


def test_reading_takes_a_login_and_changing_takes_one_that_may_write(platform, new_host, tmp_path):
    platform.add_agent(new_host("one"))
    made = platform.upload(write_release(tmp_path, code="echo", app=apps.ECHO))
    reader = platform.admin.post("/v2/tokens/", json={"name": "r", "scopes": ["read"]}).json()["data"]
    for client, may_read, may_write in ((platform.client(), 401, 401), (platform.client(reader["key"]), 200, 403)):
        assert client.get(PATH).status_code == may_read
        assert client.get("/v2/playground-hosts/").status_code == may_read
        assert client.get(f"{PATH}{made['id']}/logs/").status_code == may_read
        assert client.get(f"/playground/{made['id']}/").status_code == may_read
        for change in ("start/", "restart/", "pause/", "stop/"):
            assert client.post(f"{PATH}{made['id']}/{change}").status_code == may_write
        assert client.post(PATH, json={"plugin_release": "echo@1.0.0"}).status_code == may_write
        assert client.delete(f"{PATH}{made['id']}/").status_code == may_write
    # A worker's or an agent's own key is no login.
    assert platform.client(platform.agents[made["agent"]]).get(PATH).status_code == 401


def test_a_log_is_followed_only_as_long_as_the_key_is_good(platform, new_host, tmp_path, monkeypatch):
    from synapse_sdk.utils import forwarding

    monkeypatch.setattr(forwarding, "CHECK_SECONDS", 0.1)
    platform.add_agent(new_host("one"))
    made = platform.upload(write_release(tmp_path, code="echo", app=apps.ECHO))
    reader = platform.admin.post("/v2/tokens/", json={"name": "r", "scopes": ["read"]}).json()["data"]
    client = platform.client(reader["key"])
    with client.stream("GET", f"{PATH}{made['id']}/logs/stream/") as log:
        lines = log.iter_lines()
        assert next(lines)
        assert platform.admin.delete(f"/v2/tokens/{reader['id']}/").status_code == 204
        until(lambda: client.get(PATH).status_code == 401, 60)
        # The connection is cut, so this ends.
        assert sum(1 for _ in _until_cut(lines)) < 1000


def _until_cut(lines):
    import httpx2

    try:
        yield from lines
    except httpx2.TransportError:
        return
