"""What workers ask all the time: answered to whoever has a key, for as long as it is good."""

import pytest
from starlette.testclient import TestClient

from tests.backend.components.store import API

STATE = f"{API}/state"


@pytest.fixture
def key(client):
    """A key of its own, and its id."""
    return client.post("/v2/tokens/", json={"name": "worker", "scopes": ["read"]}).json()["data"]


@pytest.mark.parametrize("header", [{"Authorization": "Token {}"}, {"X-API-Key": "{}"}, {"SYNAPSE-ACCESS-TOKEN": "{}"}])
def test_a_key_that_reads_opens_it_from_every_header(app, key, header):
    headers = {name: text.format(key["key"]) for name, text in header.items()}
    assert TestClient(app).get(STATE, headers=headers).json()["data"] == {"state": "empty", "changed": None}


def test_a_key_that_is_revoked_opens_it_no_more_at_once(app, client, key):
    asking = TestClient(app, headers={"X-API-Key": key["key"]})
    assert asking.get(STATE).status_code == 200
    assert client.delete(f"/v2/tokens/{key['id']}/").status_code == 204
    assert asking.get(STATE).json()["error"]["code"] == "AUTHENTICATION_REQUIRED"
    assert TestClient(app).get(STATE).status_code == 401


def test_what_was_changed_since_is_told_once_and_nothing_where_nothing_was(store):
    store.upload("loss/focal.py", "a = 1\n")
    first = store.get("/state")["state"]
    assert store.get("/state", since=first) == {"state": first, "changed": []}
    store.upload("loss/dice.py", "a = 1\n")
    second = store.get("/state", since=first)
    assert second["changed"] == ["loss/dice.py"]
    assert store.get("/state", since=second["state"])["changed"] == []


def test_it_is_only_read(store):
    assert store.client.post(STATE).status_code == 405
