"""Users and the keys that act for them."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from starlette.testclient import TestClient

from tests.backend.factories import SQLITE_ONLY


def make_token(client, **body):
    return client.post("/v2/tokens/", json={"name": "script", **body})


@SQLITE_ONLY
@pytest.mark.parametrize("header", ["Token {}", "Bearer {}", "{}", "syn"])
def test_a_key_is_taken_from_every_header_that_clients_use(app, admin_token, header):
    headers = {"Authorization": header.format(admin_token)}
    if header == "syn":
        headers = {"SYNAPSE-ACCESS-TOKEN": admin_token}
    assert TestClient(app, headers=headers).get("/users/me/").json()["email"] == "admin@localhost"
    assert TestClient(app, headers={"X-API-Key": admin_token}).get("/v2/users/me/").status_code == 200
    synapse = {"SYNAPSE-ACCESS-TOKEN": f"Token {admin_token}"}
    assert TestClient(app, headers=synapse).get("/v2/users/me/").status_code == 200


def test_a_key_is_shown_once_and_kept_only_as_a_hash(client, database):
    made = make_token(client).json()["data"]

    assert made["key"].startswith("syn_")
    assert len(made["key"]) == 47
    assert "key" not in client.get(f"/v2/tokens/{made['id']}/").json()["data"]
    with database.engine.connect() as connection:
        rows = connection.execute(sqlalchemy.text("SELECT * FROM tokens")).all()
    assert made["key"] not in str(rows)


def test_a_revoked_key_an_expired_one_and_that_of_a_deactivated_user_open_nothing(client, database, make):
    made = make_token(client).json()["data"]
    own = make.client_with(made["key"])
    assert own.get("/users/me/").status_code == 200
    assert client.delete(f"/v2/tokens/{made['id']}/").status_code == 204
    assert own.get("/users/me/").json()["error"]["message"].startswith("The access token was revoked")

    soon = make_token(client, expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat()).json()["data"]
    with database.engine.begin() as connection:
        past = datetime.now(UTC) - timedelta(hours=1)
        statement = sqlalchemy.text("UPDATE tokens SET expires_at = :past WHERE id = :id")
        connection.execute(
            statement,
            {
                "past": past if "postgres" in str(database.engine.url) else past.isoformat(sep=" ")[:26],
                "id": soon["id"],
            },
        )
    assert make.client_with(soon["key"]).get("/users/me/").status_code == 401

    user_id, user = make.user()
    client.patch(f"/v2/users/{user_id}/", json={"is_active": False})
    assert user.get("/users/me/").status_code == 401


def test_no_key_gives_more_than_its_maker_has(client, make):
    weak = make.client_with(make_token(client, scopes=["write"]).json()["data"]["key"])

    assert make_token(weak, scopes=["admin"]).status_code == 403
    assert make_token(weak, scopes=["read", "write"]).status_code == 201
    user_id, user = make.user()
    assert make_token(user, user=1).status_code == 403
    assert make_token(weak, user=user_id).status_code == 403
    assert make_token(client, user=user_id).json()["data"]["user_id"] == user_id


def test_keys_of_others_are_invisible(client, make):
    _, user = make.user()
    assert len(client.get("/v2/tokens/").json()["data"]) == 2
    (own,) = user.get("/v2/tokens/").json()["data"]
    assert client.get(f"/v2/tokens/{own['id']}/").status_code == 200
    assert user.delete("/v2/tokens/1/").status_code == 404


def test_only_administrators_add_users_and_an_address_is_used_once(client, make):
    body = {"email": " New@Example.org ", "name": "New"}
    _, user = make.user()

    assert user.post("/v2/users/", json=body).status_code == 403
    made = client.post("/v2/users/", json=body)
    assert made.json()["data"]["email"] == "new@example.org"
    assert client.post("/v2/users/", json=body).status_code == 409
    assert client.post("/v2/users/", json={"email": "not an address"}).status_code == 400


def test_users_change_their_own_name_and_nothing_else(client, make):
    user_id, user = make.user()
    other_id, _ = make.user()

    assert user.patch(f"/v2/users/{user_id}/", json={"name": "Me"}).json()["data"]["name"] == "Me"
    assert user.patch(f"/v2/users/{user_id}/", json={"is_admin": True}).status_code == 403
    assert user.patch(f"/v2/users/{other_id}/", json={"name": "You"}).status_code == 404
    assert client.patch("/v2/users/1/", json={"is_admin": False}).status_code == 409


def test_members_see_each_other_and_a_member_is_added_by_address(client, make):
    project = make.project()
    user_id, user = make.user()
    body = {"project": project["id"], "email": f"user{user_id}@nowhere.example", "role": "viewer"}
    assert client.post("/v2/members/", json=body).status_code == 404
    email = client.get(f"/v2/users/{user_id}/").json()["data"]["email"]

    assert len(user.get("/v2/users/").json()["data"]) == 1
    assert client.post("/v2/members/", json={**body, "email": email}).status_code == 201
    assert client.post("/v2/members/", json={**body, "email": email}).status_code == 409
    assert len(user.get("/v2/users/").json()["data"]) == 2
    members = client.get("/v2/members/", params={"project": project["id"], "role": "viewer"}).json()["data"]
    assert [member["user_id"] for member in members] == [user_id]


def test_reading_notes_the_last_use_of_a_key(client):
    client.get("/v2/projects/")
    assert client.get("/v2/tokens/1/").json()["data"]["last_used_at"] is not None
