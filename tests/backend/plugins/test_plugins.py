"""Plugins and releases: published once, fetched as they were, run only where an agent is."""

import hashlib
import json
import uuid
from datetime import timedelta

from tests.backend.plugins.archives import ARCHIVE, CONFIG, publish, zip_of
from web_helper.backend.models import Agent
from web_helper.backend.models.base import utc_now


def connect_agent(client, name="host"):
    agent = client.post("/v2/agents/", json={"name": name, "url": "http://127.0.0.1:8200"}).json()["data"]
    assert client.post(f"/agents/{agent['token']}/connect/", json={}).status_code == 200
    return agent


def test_release_is_published_and_its_archive_comes_back_as_it_was(client):
    answer = publish(client)

    assert answer.status_code == 201, answer.text
    release = answer.json()["data"]
    assert release["sha256"] == hashlib.sha256(ARCHIVE).hexdigest()
    assert release["config"] == CONFIG
    download = client.get(release["url"])
    assert download.content == ARCHIVE
    assert 'filename="yolo-1.0.0.zip"' in download.headers["Content-Disposition"]
    assert client.get("/plugin_releases/yolo@1.0.0/").json()["id"] == release["id"]
    assert client.get(f"/v2/plugin-releases/{release['id']}/").json()["data"]["version"] == "1.0.0"


def test_first_release_makes_the_plugin(client):
    publish(client)

    plugin = client.get("/plugins/yolo/").json()

    assert (plugin["code"], plugin["name"], plugin["category"]) == ("yolo", "YOLO", "neural_net")
    assert client.get(f"/v2/plugins/{plugin['id']}/").json()["data"] == plugin


def test_published_release_never_changes(client):
    publish(client)
    other = zip_of({"config.yaml": "code: other"})

    for debug in ("false", "true"):
        again = publish(client, archive=other, debug=debug, path="/plugin_releases/")

        assert again.status_code == 409
        assert "publish another version" in again.json()["error"]["message"]
    release = client.get("/v2/plugin-releases/").json()["data"]
    assert [row["sha256"] for row in release] == [hashlib.sha256(ARCHIVE).hexdigest()]


def test_debug_release_is_replaced_until_the_final_one(client):
    other = zip_of({"config.yaml": "code: other"})

    first = publish(client, debug="true").json()["data"]
    second = publish(client, debug="true", archive=other).json()["data"]
    final = publish(client).json()["data"]

    assert first["id"] == second["id"] == final["id"]
    assert (second["sha256"], second["is_debug"]) == (hashlib.sha256(other).hexdigest(), True)
    assert (final["sha256"], final["is_debug"]) == (hashlib.sha256(ARCHIVE).hexdigest(), False)
    assert publish(client, debug="true").status_code == 409


def test_release_that_cannot_be_right_is_refused_and_leaves_no_plugin(client):
    for change in (
        {"archive": b"no zip"},
        {"archive": zip_of({"../evil.py": ""})},
        {"archive": zip_of({"/etc/evil": ""})},
        {"archive": zip_of({"C:\\evil": ""})},
        {"config": {"code": "other"}},
        {"config": {"version": "2.0"}},
        {"config": []},
        {"version": "1/0"},
        {"version": ""},
        {"plugin": "../yolo"},
        {"plugin": ""},
        {"debug": "perhaps"},
        {"colour": "red"},
    ):
        answer = publish(client, **change)

        assert answer.status_code == 400, change
        assert client.get("/v2/plugins/").json()["data"] == []


def test_release_without_an_archive_or_without_json_is_refused(client):
    form = {"plugin": "yolo", "version": "1", "config": "{}"}

    assert client.post("/plugin_releases/", data=form, files={"other": ("a", ARCHIVE)}).status_code == 400
    assert client.post("/plugin_releases/", data=form).status_code == 400
    assert client.post("/plugin_releases/", json=form).status_code == 400
    bad = {**form, "config": "{not json"}
    refused = client.post("/plugin_releases/", data=bad, files={"file": ("a", ARCHIVE)})
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "config")


def test_publishing_needs_a_key_that_writes(client, make):
    assert publish(make.user(scopes=["read"])[1]).status_code == 403
    assert publish(make.client_with("syn_unknown")).status_code == 401


def test_lists_of_releases_and_plugins_honour_their_filters(client):
    publish(client)
    publish(client, version="2.0.0")
    publish(client, plugin="sam", config={"category": "smart_tool"})

    def versions(**query):
        return sorted(row["version"] for row in client.get("/v2/plugin-releases/", params=query).json()["data"])

    yolo = client.get("/plugins/yolo/").json()["id"]
    assert versions(plugin=yolo) == ["1.0.0", "2.0.0"]
    assert versions(version="2.0.0") == ["2.0.0"]
    assert versions(search="SAM") == ["1.0.0"]
    codes = [row["code"] for row in client.get("/plugins/", params={"category": "smart_tool"}).json()["results"]]
    assert codes == ["sam"]
    assert client.get("/v2/plugins/", params={"colour": "red"}).status_code == 400


def test_plugin_is_changed_by_code_and_deleted_by_administrators(client, make):
    publish(client)
    _, user = make.user()

    assert client.patch("/v2/plugins/yolo/", json={"name": "New"}).json()["data"]["name"] == "New"
    assert user.delete("/v2/plugins/yolo/").status_code == 403
    assert client.delete("/v2/plugins/yolo/").status_code == 204
    assert client.get("/v2/plugins/yolo/").status_code == 404
    assert client.post("/v2/plugins/", json={"code": "yolo", "name": "x"}).status_code == 201
    assert client.post("/v2/plugins/", json={"code": "yolo", "name": "x"}).status_code == 409


def test_running_without_an_agent_says_so_and_makes_no_job(client, database):
    publish(client)
    gone = connect_agent(client)
    with database.write() as session:
        session.get_one(Agent, gone["id"]).last_seen_at = utc_now() - timedelta(minutes=5)

    for body in ({"action": "train"}, {"action": "train", "agent": gone["id"]}):
        answer = client.post("/plugins/yolo/run/", json=body)

        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "CONFLICT"
        assert "connected" in answer.json()["error"]["message"]
    assert client.get("/v2/jobs/").json()["data"] == []


def test_running_makes_a_job_of_the_newest_release_for_the_agent(client):
    publish(client)
    newest = publish(client, version="2.0.0").json()["data"]["id"]
    agent = connect_agent(client)
    job_id = str(uuid.uuid4())

    answer = client.post("/v2/plugins/yolo/run/", json={"action": "train", "params": {"lr": 0.1}, "job_id": job_id})

    job = answer.json()["data"]
    assert (job["id"], job["status"], job["params"]) == (job_id, "PENDING", {"lr": 0.1})
    assert (job["plugin_release_id"], job["agent_id"]) == (newest, agent["id"])
    assert client.post("/plugins/yolo/run/", json={"action": "train", "job_id": job_id}).status_code == 409
    assert client.delete(f"/v2/plugin-releases/{newest}/").status_code == 409


def test_running_what_does_not_exist_is_refused(client):
    publish(client)
    connect_agent(client)
    client.post("/plugins/", json={"code": "empty", "name": "x"})

    for path, body, status in (
        ("yolo", {"action": "fly"}, 400),
        ("yolo", {"action": "train", "version": "9"}, 404),
        ("yolo", {"action": "train", "agent": 4711}, 404),
        ("yolo", {"action": "train", "job_id": "x"}, 400),
        ("nothing", {"action": "train"}, 404),
        ("9" * 40, {"action": "train"}, 404),
        ("empty", {"action": "train"}, 409),
    ):
        assert client.post(f"/plugins/{path}/run/", json=body).status_code == status, (path, body)


def test_config_keeps_what_the_server_does_not_know(client):
    config = {**CONFIG, "future": {"a": [1, None]}, "actions": {"train": {"required_resources": {"num_gpus": 1}}}}

    assert publish(client, config=config).json()["data"]["config"] == json.loads(json.dumps(config))


SCHEMA = {
    "type": "object",
    "required": ["epochs"],
    "properties": {
        "epochs": {"type": "integer", "minimum": 1},
        "optimiser": {"$ref": "#/$defs/Optimiser"},
        "size": {"anyOf": [{"enum": ["s", "m"]}, {"type": "null"}]},
    },
    "$defs": {"Optimiser": {"type": "object", "properties": {"rates": {"type": "array", "items": {"type": "number"}}}}},
}


def test_params_that_do_not_fit_the_release_are_refused_by_field_where_that_is_asked(client):
    publish(client, config={**CONFIG, "actions": {"train": {"params_schema": SCHEMA}}})
    connect_agent(client)

    def fields(params):
        answer = client.post(
            "/v2/plugins/yolo/run/", json={"action": "train", "params": params, "check_params": True}
        ).json()
        return sorted(detail["field"] for detail in answer["error"]["details"]) if "error" in answer else None

    assert fields({}) == ["params.epochs"]
    assert fields({"epochs": 0, "size": "xl"}) == ["params.epochs", "params.size"]
    assert fields({"epochs": 1, "optimiser": {"rates": [0.1, "fast"]}}) == ["params.optimiser.rates.1"]
    assert client.get("/v2/jobs/").json()["data"] == []
    assert fields({"epochs": 3, "size": None}) is None
    # The run itself reads some values more freely; without the wish to check, it alone decides.
    assert client.post("/plugins/yolo/run/", json={"action": "train", "params": {"epochs": "3"}}).status_code == 201


def test_schema_that_refers_elsewhere_is_not_fetched(client):
    for reference in ("http://127.0.0.1:1/schema.json", "#/$defs/missing"):
        schema = {"type": "object", "properties": {"a": {"$ref": reference}}}
        publish(client, debug="true", config={**CONFIG, "actions": {"train": {"params_schema": schema}}})
        connect_agent(client, name=reference)

        body = {"action": "train", "params": {"a": 1}, "check_params": True}
        refused = client.post("/v2/plugins/yolo/run/", json=body)

        assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "params")
