"""Structured events of runs: by the batch, each once, for those who may see the run."""

import uuid

import pytest


@pytest.fixture
def job_id(client):
    return client.post("/v2/jobs/", json={"action": "train"}).json()["data"]["id"]


def entry(job_id, uid=None, **fields):
    return {
        "job": job_id,
        "event": "message",
        "data": {"content": "hello"},
        "datetime": "2025-01-01 00:00:00.000000",
        **({"uid": uid} if uid else {}),
        **fields,
    }


def test_one_entry_or_a_list_is_taken(client, job_id):
    one = client.post("/logs/", json=entry(job_id, level="info", step="fetch", file="data:;base64,AA=="))
    several = client.post("/v2/job-logs/", json=[entry(job_id), entry(job_id, data=[1, None])])

    assert one.json() == {"received": 1, "added": 1}
    assert several.json()["data"] == {"received": 2, "added": 2}
    rows = client.get("/logs/", params={"ordering": "id", "job": job_id}).json()["results"]
    assert [row["data"] for row in rows] == [{"content": "hello"}, {"content": "hello"}, [1, None]]
    assert (rows[0]["level"], rows[0]["step"], rows[0]["file"]) == ("info", "fetch", "data:;base64,AA==")


def test_batch_that_is_sent_twice_is_kept_once(client, job_id):
    batch = [entry(job_id, f"u-{number}") for number in range(50)]
    client.post("/logs/", json=batch[:30])

    again = client.post("/logs/", json=batch)

    assert again.json() == {"received": 50, "added": 20}
    assert client.post("/logs/", json=[batch[0], batch[0]]).json()["added"] == 0
    assert client.get("/logs/").json()["count"] == 50


def test_batch_with_an_unknown_job_adds_nothing(client, job_id, make):
    _, stranger = make.user()
    for who, other in ((client, str(uuid.uuid4())), (stranger, job_id)):
        answer = who.post("/logs/", json=[entry(other)])

        assert answer.status_code == 404
        assert answer.json()["error"]["details"][0]["field"] == "0.job"
    assert client.post("/logs/", json=[entry(job_id), entry(str(uuid.uuid4()))]).status_code == 404
    assert client.get("/logs/").json()["count"] == 0


def test_malformed_entries_are_refused(client, job_id):
    for change in ({"job": "x"}, {"event": ""}, {"uid": "x" * 65}, {"colour": "red"}, {"level": "x" * 17}):
        assert client.post("/logs/", json=[{**entry(job_id), **change}]).status_code == 400, change
    assert client.post("/logs/", json=[]).status_code == 400
    assert client.post("/logs/", json=[entry(job_id)] * 1001).status_code == 400


def test_lists_honour_their_filters(client, job_id, make):
    other = client.post("/v2/jobs/", json={"action": "test"}).json()["data"]["id"]
    client.post("/logs/", json=[entry(job_id, level="info"), entry(job_id, event="metrics"), entry(other)])

    def count(**query):
        return client.get("/logs/", params=query).json()["count"]

    assert count(job=job_id) == 2
    assert count(job=f"{job_id},{other}") == 3
    assert count(event="metrics") == 1
    assert count(level="info") == 1
    assert count(search="MESS") == 2
    assert make.user()[1].get("/logs/").json()["count"] == 0
    assert client.get("/v2/job-logs/", params={"colour": "red"}).status_code == 400


def test_logs_go_with_their_job(client, job_id):
    client.post("/logs/", json=[entry(job_id)])
    client.patch(f"/jobs/{job_id}/", json={"status": "stopped"})

    client.delete(f"/v2/jobs/{job_id}/")

    assert client.get("/logs/").json()["count"] == 0
