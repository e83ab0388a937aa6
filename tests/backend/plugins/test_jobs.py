"""Runs of plugins: who sees them, how their state moves, what they print."""

import uuid

import pytest
from sqlalchemy import text

from tests.backend.plugins.archives import publish
from web_helper.backend.services.plugins.jobs import MAX_CONSOLE_CHARACTERS


@pytest.fixture
def job(client):
    return make_job(client)


def make_job(client, **fields):
    answer = client.post("/v2/jobs/", json={"action": "train", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def test_states_are_upper_case_in_v2_and_lower_case_in_v1(client, job):
    path = f"/jobs/{job['id']}/"

    assert job["status"] == "PENDING"
    assert client.get(path).json()["status"] == "pending"
    assert client.patch(path, json={"status": "RUNNING"}).json()["status"] == "running"
    assert client.patch(f"/v2{path}", json={"status": "succeeded"}).json()["data"]["status"] == "SUCCEEDED"


def test_lists_read_states_in_either_case(client, job):
    other = make_job(client, status="running")

    for path in ("/jobs/", "/v2/jobs/"):
        for word in ("running", "RUNNING"):
            answer = client.get(path, params={"status": word}).json()
            assert [row["id"] for row in answer.get("results") or answer["data"]] == [other["id"]]
    assert client.get("/jobs/", params={"status": "sleeping"}).status_code == 400


def test_started_and_finished_are_noted_once(client, job):
    path = f"/v2/jobs/{job['id']}/"
    started = client.patch(path, json={"status": "RUNNING"}).json()["data"]["started"]
    again = client.patch(path, json={"status": "RUNNING"}).json()["data"]
    done = client.patch(path, json={"status": "FAILED", "result": {"error": "x"}}).json()["data"]

    assert again["started"] == done["started"] == started
    assert done["finished"] is not None
    assert client.patch(path, json={"status": "FAILED"}).json()["data"]["finished"] == done["finished"]


def test_ended_run_does_not_start_again_but_takes_late_reports(client, job):
    path = f"/v2/jobs/{job['id']}/"
    client.patch(path, json={"status": "SUCCEEDED"})

    assert client.patch(path, json={"status": "RUNNING"}).status_code == 409
    late = client.patch(path, json={"progress_record": {"percent": 100}, "metrics_record": {"loss": 0.1}})
    assert late.json()["data"]["progress_record"] == {"percent": 100}
    assert late.json()["data"]["status"] == "SUCCEEDED"


def test_only_what_was_sent_changes(client, job):
    path = f"/jobs/{job['id']}/"
    client.patch(path, json={"progress_record": {"a": 1}, "result": [1]})

    row = client.patch(path, json={"metrics_record": {"b": 2}}).json()

    assert (row["progress_record"], row["metrics_record"], row["result"]) == ({"a": 1}, {"b": 2}, [1])
    assert client.patch(path, json={"result": None}).json()["result"] is None
    assert client.patch(path, json={"colour": "red"}).status_code == 400


def test_same_id_again_answers_the_same_job(client, make):
    job_id = str(uuid.uuid4())

    assert make_job(client, id=job_id) == make_job(client, id=job_id)
    _, other = make.user()
    assert other.post("/v2/jobs/", json={"action": "train", "id": job_id}).status_code == 409
    assert client.post("/v2/jobs/", json={"action": "test", "id": job_id}).status_code == 409


def test_jobs_are_seen_by_who_started_them_and_by_administrators(client, make):
    _, owner = make.user()
    _, stranger = make.user()
    path = f"/v2/jobs/{make_job(owner)['id']}/"

    assert owner.get(path).status_code == client.get(path).status_code == 200
    assert stranger.get(path).status_code == 404
    assert stranger.patch(path, json={"status": "FAILED"}).status_code == 404
    assert stranger.get(f"{path}console-logs/").status_code == 404
    assert stranger.get("/v2/jobs/").json()["data"] == []


def test_jobs_of_one_moment_are_paged_without_loss_or_repeat(client, database):
    ids = {make_job(client)["id"] for _ in range(25)}
    with database.write() as session:
        session.execute(text("UPDATE jobs SET created = (SELECT min(created) FROM jobs)"))
    seen, cursor = [], None
    while True:
        params = {"per_page": 4, **({"cursor": cursor} if cursor else {})}
        page = client.get("/v2/jobs/", params=params).json()
        seen += [row["id"] for row in page["data"]]
        cursor = page["meta"]["pagination"]["next_cursor"]
        if cursor is None:
            break

    assert len(seen) == 25
    assert set(seen) == ids


def test_console_logs_replace_each_other_and_keep_their_beginning_and_the_newest_part(client, job):
    path = f"/jobs/{job['id']}/"
    client.patch(path, json={"console_logs": ["one", "two"]})
    assert client.get(f"{path}console_logs/").json() == {"console_logs": "one\ntwo", "size_bytes": 7}

    text = "first" + "x" * MAX_CONSOLE_CHARACTERS + "end"
    client.patch(path, json={"console_logs": text})

    logs = client.get(f"/v2{path}console-logs/").json()["data"]["console_logs"]
    assert len(logs) == MAX_CONSOLE_CHARACTERS
    assert (logs[:6], logs[-4:], logs.count("left out here")) == ("firstx", "xend", 1)
    after = {"after": len(text) - 2}
    assert client.get(f"{path}console_logs/", params=after).json() == {"console_logs": "nd", "size_bytes": len(text)}
    assert client.get(f"{path}console_logs/", params={"after": len(text)}).json()["console_logs"] == ""


def test_console_of_an_ended_run_is_streamed_whole(client, job):
    client.patch(f"/jobs/{job['id']}/", json={"console_logs": "one\ntwo", "status": "failed"})

    answer = client.get(f"/async/jobs/{job['id']}/tail_console_logs/")

    assert answer.text == "one\ntwo"
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert client.get(f"/async/jobs/{uuid.uuid4()}/tail_console_logs/").status_code == 404


def test_running_job_cannot_be_deleted_and_an_ended_one_can(client, job):
    path = f"/v2/jobs/{job['id']}/"

    assert client.delete(path).status_code == 409
    client.patch(path, json={"status": "STOPPED"})
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_job_of_an_unknown_release_is_refused(client):
    assert client.post("/v2/jobs/", json={"action": "train", "plugin_release": 4711}).status_code == 404


def test_jobs_say_their_plugin_and_are_found_by_it_and_by_their_agent(client):
    release = publish(client).json()["data"]["id"]
    agent = client.post("/v2/agents/", json={"name": "host", "url": "http://127.0.0.1:8200"}).json()["data"]
    client.post(f"/agents/{agent['token']}/connect/", json={})
    run = client.post("/v2/plugins/yolo/run/", json={"action": "train"}).json()["data"]
    own = make_job(client, plugin_release=release)
    other = make_job(client)

    def ids(**query):
        return {row["id"] for row in client.get("/v2/jobs/", params=query).json()["data"]}

    assert (run["plugin_code"], run["version"]) == (own["plugin_code"], own["version"]) == ("yolo", "1.0.0")
    assert (other["plugin_code"], other["version"]) == (None, None)
    assert ids(plugin="yolo") == {run["id"], own["id"]}
    assert ids(plugin="sam") == set()
    assert ids(agent=agent["id"]) == {run["id"]}
    assert ids() == {run["id"], own["id"], other["id"]}
