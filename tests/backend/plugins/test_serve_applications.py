"""Serve applications on the server: registered, listed, kept true by their agents."""

from datetime import timedelta

import pytest

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.testing import InProcessTransport
from synapse_sdk.wire.serve import ServeStatus
from tests.backend.plugins.archives import publish
from web_helper.backend.models import Agent
from web_helper.backend.models.base import utc_now
from web_helper.backend.models.serve_application import ServeApplication

NAME = "my-model@1.0.0"


def state_of(status="RUNNING", name=NAME, **more):
    return {
        "name": name,
        "status": status,
        "route_prefix": "/abc",
        "endpoint": "http://127.0.0.1:4000/abc",
        "num_replicas": 1,
        "replicas": 1 if status == "RUNNING" else 0,
        "resources": {"num_cpus": 1, "num_gpus": 0, "memory": None},
        "revision": 1,
        "changed": utc_now().isoformat(),
        **more,
    }


@pytest.fixture
def release(client):
    answer = publish(client, config={"actions": {"inference": {}}}, plugin="my-model")
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


@pytest.fixture
def agent(client):
    agent = client.post("/agents/", json={"name": "host", "url": "http://127.0.0.1:8200"}).json()
    client.post(f"/agents/{agent['token']}/connect/", json={})
    return agent


@pytest.fixture
def report(client, agent):
    def send(*states):
        headers = {"SYNAPSE-Agent": f"Token {agent['token']}"}
        client.post(f"/agents/{agent['token']}/connect/", json={})
        answer = client.post("/serve_applications/report/", json={"applications": states}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["delete"]

    return send


@pytest.fixture
def register(client, agent, release):
    def create(**more):
        body = {"name": NAME, "plugin_release": release["id"], "action": "inference", "params": {}, **more}
        return client.post("/serve_applications/", json={"agent": agent["id"], **body})

    return create


def listed(client, **params):
    return client.get("/serve_applications/", params=params).json()["results"]


def test_an_application_is_registered_once_per_agent(client, agent, register):
    first, second = register().json(), register(num_replicas=2).json()
    assert first["id"] == second["id"]
    assert (first["status"], first["agent_id"], second["num_replicas"]) == ("NOT_STARTED", agent["id"], 2)
    assert first["plugin_code"] == "my-model"
    assert len(listed(client)) == 1


@pytest.mark.parametrize("status", [status for status in ServeStatus if status is not ServeStatus.UNAVAILABLE])
def test_what_the_agent_says_is_what_is_shown(client, register, report, status):
    register()
    report(state_of(status, message="because of Token abcdefghijkl"))
    (shown,) = listed(client)
    assert shown["status"] == status
    assert shown["message"] == "because of Token ***"
    assert shown["endpoint"].endswith("/abc")


def test_a_silent_agents_applications_are_unavailable(client, database, agent, register, report):
    register()
    report(state_of())
    assert len(listed(client, status="RUNNING")) == 1
    with database.write() as session:
        session.get_one(Agent, agent["id"]).last_seen_at = utc_now() - timedelta(minutes=1)
    assert [entry["status"] for entry in listed(client)] == ["UNAVAILABLE"]
    assert not listed(client, status="RUNNING")
    assert len(listed(client, status="UNAVAILABLE")) == 1
    report(state_of())
    assert [entry["status"] for entry in listed(client)] == ["RUNNING"]


def test_lists_are_narrowed_by_plugin_and_agent(client, agent, register, report):
    register()
    report(state_of())
    assert len(listed(client, plugin_code="my-model", job__agent=agent["id"])) == 1
    assert not listed(client, plugin_code="other")
    assert not listed(client, job__agent=agent["id"] + 1)
    assert client.get("/serve_applications/", params={"plugin": "x"}).status_code == 400
    assert client.get("/v2/serve-applications/", params={"status": "RUNNING"}).json()["data"][0]["name"] == NAME


def test_an_application_that_nobody_registered_is_found_by_its_release(client, release, report):
    report(state_of())
    assert [entry["plugin_release_id"] for entry in listed(client)] == [release["id"]]


def test_one_that_the_agent_forgot_is_unavailable(client, database, register, report):
    application = register().json()
    report()
    assert listed(client)[0]["status"] == "NOT_STARTED"
    with database.write() as session:
        session.get_one(ServeApplication, application["id"]).created = utc_now() - timedelta(minutes=1)
    report()
    assert (listed(client)[0]["status"], "deploy it again" in listed(client)[0]["message"]) == ("UNAVAILABLE", True)


def test_deleting_is_the_agents_to_do(client, register, report):
    application = register().json()
    report(state_of())
    assert client.delete(f"/serve_applications/{application['id']}/").status_code == 204
    assert listed(client)[0]["status"] == "DELETING"
    assert report(state_of()) == [NAME]
    assert report(state_of("DELETING")) == [NAME]
    report()
    assert not listed(client)


def test_one_that_is_deployed_again_while_it_goes_stays(client, register, report):
    application = register().json()
    report(state_of())
    client.delete(f"/serve_applications/{application['id']}/")

    again = register().json()
    # The agent has ended the old one, and does not have the new one yet.
    assert report() == []

    assert (again["id"], again["status"]) == (application["id"], "NOT_STARTED")
    assert [(entry["id"], entry["status"]) for entry in listed(client)] == [(again["id"], "NOT_STARTED")]


def test_one_of_a_silent_agent_is_forgotten_at_once(client, database, agent, register):
    application = register().json()
    with database.write() as session:
        session.get_one(Agent, agent["id"]).last_seen_at = None
    assert client.delete(f"/serve_applications/{application['id']}/").status_code == 204
    assert not listed(client)


def test_the_agent_is_that_of_the_job(client, agent, register, database):
    from web_helper.backend.models import Job

    job = client.post("/jobs/", json={"action": "deployment"}).json()
    with database.write() as session:
        session.get_one(Job, job["id"]).agent_id = agent["id"]
    assert register(agent=None, job=job["id"]).json()["agent_id"] == agent["id"]


def test_refusals(client, register):
    assert register(plugin_release=999).status_code == 404
    assert register(agent=999).status_code == 404
    assert register(name="../etc").status_code == 400
    assert register(num_replicas=0).status_code == 400
    wrong = {"SYNAPSE-Agent": "Token syn_wrong"}
    assert client.post("/serve_applications/report/", json={"applications": []}, headers=wrong).status_code == 401


def test_only_the_deployer_or_an_administrator_deletes(client, make, register):
    application = register().json()
    _, other = make.user()
    assert other.delete(f"/serve_applications/{application['id']}/").status_code == 403


def test_the_client_speaks_to_the_server(app, admin_token, agent, release):
    with InProcessTransport(app) as transport:
        client = BackendClient("http://testserver", admin_token, transport=transport)
        body = {"name": NAME, "plugin_release": release["id"], "action": "inference", "agent": agent["id"]}
        made = client.create_serve_application(body)
        assert client.get_serve_application(made["id"])["name"] == NAME
        assert client.list_serve_applications(params={"plugin_code": "my-model"})["count"] == 1
        told = BackendClient("http://testserver", agent_token=agent["token"], transport=transport)
        assert told.report_serve_applications({"applications": [state_of()]}) == {"delete": []}
        client.delete_serve_application(made["id"])


@pytest.mark.parametrize(
    "case",
    [
        ({"num_cpus": 3}, None),
        ({"num_cpus": 2, "num_replicas": 2}, "num_cpus: requested 4, available 3"),
        ({"num_cpus": 1, "num_gpus": 0.1}, "num_gpus: requested 0.1, available 0"),
        ({"memory": 2000}, "memory: requested 2000, available 1000"),
        ({}, None),
    ],
)
def test_a_deployment_that_does_not_fit_makes_no_job(client, agent, report, database, case):
    wish, short = case
    config = {"actions": {"deployment": {}}}
    assert publish(client, config=config, plugin="other").status_code == 201
    report(state_of())
    with database.write() as session:
        session.get_one(Agent, agent["id"]).capacity = {"num_cpus": 4, "num_gpus": 0, "memory_bytes": 1000}
    body = {"action": "deployment", "agent": agent["id"], "params": wish}
    answer = client.post("/plugins/other/run/", json=body)
    assert answer.status_code == (409 if short else 201), answer.text
    assert short is None or short in answer.text
