"""Agents: registered by an administrator, heard by their own key, gone when silent."""

from datetime import timedelta

from web_helper.backend.models import Agent
from web_helper.backend.models.base import utc_now

BODY = {"name": "host", "url": "http://127.0.0.1:8200", "capacity": {"num_cpus": 2}}


def test_key_is_shown_once_and_kept_as_a_hash(client, database):
    agent = client.post("/v2/agents/", json=BODY).json()["data"]

    assert agent["token"].startswith("syn_")
    shown = client.get(f"/v2/agents/{agent['id']}/").json()["data"]
    assert "token" not in shown
    with database.read() as session:
        assert agent["token"] not in str(vars(session.get_one(Agent, agent["id"])))


def test_agent_is_connected_while_it_reports(client, database):
    agent = client.post("/agents/", json=BODY).json()
    path = f"/agents/{agent['id']}/"
    assert client.get(path).json()["status"] == "disconnected"

    report = client.post(f"/agents/{agent['token']}/connect/", json={"capacity": {"num_cpus": 8}})

    assert (report.json()["status"], report.json()["capacity"]) == ("connected", {"num_cpus": 8})
    assert client.get(path).json()["status"] == "connected"
    with database.write() as session:
        session.get_one(Agent, agent["id"]).last_seen_at = utc_now() - timedelta(minutes=1)
    assert client.get(path).json()["status"] == "disconnected"


def test_report_needs_no_user_and_an_unknown_key_is_refused(client, make):
    agent = client.post("/agents/", json=BODY).json()
    nobody = make.client_with("")
    del nobody.headers["Authorization"]

    assert nobody.post(f"/v2/agents/{agent['token']}/connect/", json={}).status_code == 200
    assert nobody.post("/agents/syn_wrong/connect/", json={}).status_code == 401
    client.delete(f"/v2/agents/{agent['id']}/")
    assert nobody.post(f"/agents/{agent['token']}/connect/", json={}).status_code == 401


def test_agents_key_opens_nothing_else(client, make):
    agent = client.post("/agents/", json=BODY).json()

    assert make.client_with(agent["token"]).get("/v2/agents/").status_code == 401


def test_only_administrators_register_and_change_agents(client, make):
    agent = client.post("/agents/", json=BODY).json()
    _, user = make.user()

    assert user.post("/v2/agents/", json={**BODY, "name": "other"}).status_code == 403
    assert user.patch(f"/v2/agents/{agent['id']}/", json={"name": "x"}).status_code == 403
    assert user.delete(f"/v2/agents/{agent['id']}/").status_code == 403
    assert user.get("/v2/agents/").json()["data"][0]["name"] == "host"


def test_name_is_given_once_and_addresses_are_checked(client):
    client.post("/agents/", json=BODY)

    assert client.post("/agents/", json=BODY).status_code == 409
    for url in ("ftp://host", "javascript:alert(1)", "http://a b", ""):
        assert client.post("/agents/", json={"name": "x", "url": url}).status_code == 400
