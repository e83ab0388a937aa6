"""A browser logs in with a key, keeps only a cookie, and no other site's page can use it."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from starlette.testclient import TestClient

from web_helper.backend.models import Token
from web_helper.backend.services import browser_sessions

OWN = {"Sec-Fetch-Site": "same-origin"}
PROJECT = {"name": "made in a browser"}


@pytest.fixture
def browser(app):
    """A client that sends no key, as a browser does."""
    with TestClient(app, raise_server_exceptions=False) as browser:
        yield browser


@pytest.fixture
def logged_in(browser, admin_token):
    assert browser.post("/v2/session/", json={"key": admin_token}, headers=OWN).status_code == 204
    return browser


def make_token(client, **fields):
    return client.post("/v2/tokens/", json={"name": "mine", "scopes": ["read", "write"], **fields}).json()["data"]


def test_the_cookie_opens_what_the_key_opens_and_scripts_cannot_read_it(browser, admin_token):
    answer = browser.post("/v2/session/", json={"key": f"  {admin_token}\n"}, headers=OWN)
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 204
    assert not answer.content
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert admin_token not in cookie
    assert browser.get("/v2/users/me/").json()["data"]["email"] == "admin@localhost"
    assert browser.post("/v2/projects/", json=PROJECT, headers=OWN).status_code == 201


def test_the_cookie_is_for_encrypted_connections_alone_where_there_is_one(app, admin_token):
    with TestClient(app, base_url="https://testserver") as browser:
        assert "Secure" in browser.post("/v2/session/", json={"key": admin_token}).headers["set-cookie"]


@pytest.mark.parametrize("key", ["syn_wrong", " "])
def test_a_wrong_key_is_refused_at_its_field(browser, key):
    answer = browser.post("/v2/session/", json={"key": key}, headers=OWN)
    assert answer.status_code == 401
    assert [detail["field"] for detail in answer.json()["error"]["details"]] == ["key"]
    assert "set-cookie" not in answer.headers


def test_the_key_of_a_session_or_of_a_worker_opens_no_session(client, logged_in):
    key = logged_in.cookies["synapse_session"]
    assert logged_in.post("/v2/session/", json={"key": key}, headers=OWN).status_code == 401
    worker = client.post("/api/devices", json={"host_id": "gpu-1"}).json()["data"]
    assert logged_in.post("/v2/session/", json={"key": worker["token"]}, headers=OWN).status_code == 401


def test_a_key_whose_number_is_another_token_by_now_opens_no_session(browser, client, make, database, monkeypatch):
    key, check, lost = make_token(client)["key"], browser_sessions.check_key, []

    def check_then_lose(session, given):
        token_id = check(session, given)
        if not lost:
            lost.append(token_id)
            with database.write() as other:
                other.delete(other.get_one(Token, token_id))
            make.user()
        return token_id

    monkeypatch.setattr(browser_sessions, "check_key", check_then_lose)
    answer = browser.post("/v2/session/", json={"key": key}, headers=OWN)

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_logging_out_ends_the_session_and_no_other(logged_in, app, admin_token):
    with TestClient(app) as elsewhere:
        elsewhere.post("/v2/session/", json={"key": admin_token})
        taken = logged_in.cookies["synapse_session"]
        assert logged_in.delete("/v2/session/", headers=OWN).status_code == 204
        assert logged_in.get("/v2/users/me/").status_code == 401
        assert elsewhere.get("/v2/users/me/", headers={"Cookie": f"synapse_session={taken}"}).status_code == 401
        assert elsewhere.get("/v2/users/me/").status_code == 200
        assert logged_in.delete("/v2/session/", headers=OWN).status_code == 204


def test_logging_out_ends_no_token_whose_key_is_in_the_cookie(browser, admin_token):
    headers = {**OWN, "Cookie": f"synapse_session={admin_token}"}
    assert browser.delete("/v2/session/", headers=headers).status_code == 204
    assert browser.get("/v2/users/me/", headers={"X-API-Key": admin_token}).status_code == 200


def test_a_session_ends_when_its_token_is_revoked(browser, client):
    token = make_token(client)
    browser.post("/v2/session/", json={"key": token["key"]}, headers=OWN)
    assert browser.get("/v2/users/me/").status_code == 200
    client.delete(f"/v2/tokens/{token['id']}/")
    assert browser.get("/v2/users/me/").status_code == 401


def test_a_session_ends_with_the_time_of_its_token(browser, client):
    soon = datetime.now(UTC) + timedelta(hours=1)
    token = make_token(client, expires_at=soon.isoformat())
    answer = browser.post("/v2/session/", json={"key": token["key"]}, headers=OWN)
    assert "Max-Age=35" in answer.headers["set-cookie"]
    session = next(row for row in client.get("/v2/tokens/").json()["data"] if row["session_of"] == token["id"])
    assert datetime.fromisoformat(session["expires_at"]) == soon
    assert session["scopes"] == ["read", "write"]


def test_sessions_that_are_over_are_forgotten_at_the_next_login(logged_in, client, database, admin_token):
    with database.write() as session:
        session.execute(
            sqlalchemy.text("UPDATE tokens SET expires_at = :past WHERE session_of IS NOT NULL"),
            {"past": datetime.now(UTC) - timedelta(hours=1)},
        )
    assert logged_in.get("/v2/users/me/").status_code == 401
    logged_in.post("/v2/session/", json={"key": admin_token}, headers=OWN)
    assert len([row for row in client.get("/v2/tokens/").json()["data"] if row["session_of"]]) == 1


ORIGINS = [
    ({"Sec-Fetch-Site": "same-origin"}, 201),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "none"}, 403),
    ({"Origin": "http://testserver"}, 201),
    ({"Origin": "http://testserver.evil.example"}, 403),
    ({"Origin": "http://testserver:81"}, 403),
    ({"Origin": "null"}, 403),
    ({}, 403),
]


@pytest.mark.parametrize(("headers", "status"), ORIGINS)
def test_only_own_pages_change_something_with_the_cookie_alone(logged_in, headers, status):
    answer = logged_in.post("/v2/projects/", json=PROJECT, headers=headers)
    assert answer.status_code == status
    assert (answer.status_code == 201) == ("error" not in answer.json())
    assert logged_in.get("/v2/projects/", headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_no_method_that_changes_is_forgotten(logged_in, method):
    project = logged_in.post("/v2/projects/", json=PROJECT, headers=OWN).json()["data"]
    answer = logged_in.request(method, f"/v2/projects/{project['id']}/", headers={"Origin": "https://evil.example"})
    assert answer.status_code in {403, 405}
    assert logged_in.get(f"/v2/projects/{project['id']}/").status_code == 200


def test_a_key_that_a_program_sends_needs_no_origin(logged_in, admin_token):
    headers = {"Authorization": f"Token {admin_token}", "Sec-Fetch-Site": "cross-site"}
    assert logged_in.post("/v2/projects/", json=PROJECT, headers=headers).status_code == 201


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_no_other_page_logs_a_browser_in_or_out(logged_in, admin_token, headers):
    assert logged_in.post("/v2/session/", json={"key": admin_token}, headers=headers).status_code == 403
    assert logged_in.delete("/v2/session/", headers=headers).status_code == 403
    assert logged_in.get("/v2/users/me/").status_code == 200


def test_files_and_events_come_with_the_cookie(logged_in, make):
    make.units(make.project(), ["a.png"], files=True)
    file = logged_in.get("/v2/data-files/").json()["data"][0]
    assert logged_in.get(f"/v2/data-files/{file['id']}/content/").status_code == 200
    assert logged_in.get("/v2/async-jobs/nothing/progress/").status_code == 404
    logged_in.cookies.clear()
    assert logged_in.get(f"/v2/data-files/{file['id']}/content/").status_code == 401
    assert logged_in.get("/v2/async-jobs/nothing/progress/").status_code == 401
