"""What every request gets: an id, one error body, a strict reader; and what happens when the server itself fails."""

import json
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from synapse_sdk.utils.distribution import installed_version
from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.core.event_log import log_failure


@SQLITE_ONLY
def test_health_needs_no_token(app):
    from starlette.testclient import TestClient

    assert TestClient(app).get("/health/").json() == {
        "status": "ok",
        "database": "ok",
        "version": installed_version(),
    }


@SQLITE_ONLY
def test_a_request_id_is_kept_when_it_is_harmless_and_made_when_it_is_not(client):
    assert client.get("/health/", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    made = client.get("/health/", headers={"X-Request-ID": "a b<script>"}).headers["X-Request-ID"]
    assert len(made) == 32


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere/", 404, "NOT_FOUND"),
        ("GET", "/v2/tasks", 404, "NOT_FOUND"),
        ("PUT", "/v2/tasks/", 405, "VALIDATION_ERROR"),
        ("GET", "/v2/tasks/abc/", 400, "VALIDATION_ERROR"),
        ("GET", "/v2/tasks/1/", 404, "NOT_FOUND"),
        ("GET", "/payloads/nonsense/", 403, "PERMISSION_DENIED"),
    ],
)
def test_every_refusal_has_the_one_error_body(client, method, path, status, code):
    answer = client.request(method, path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["meta"]["request_id"] == answer.headers["X-Request-ID"]


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        (
            "GET",
            "/api/experiments/",
            None,
            "There is no /api/experiments/; paths of this API have no slash at their end",
        ),
        ("GET", "/v2/tasks", None, "There is no /v2/tasks; paths of this API end in a slash"),
        ("POST", "/api/experiments", {"config": "x" * 1_000_001}, "config: may have at most 1,000,000 characters."),
        (
            "POST",
            "/api/experiments",
            {"config": "x", "device": "../x"},
            "device: is not written as it must be, which is ^",
        ),
    ],
)
def test_what_people_meet_as_they_type_is_said_in_words(client, method, path, body, said):
    answer = client.request(method, path, json=body)

    assert answer.json()["error"]["message"].startswith(said)


@SQLITE_ONLY
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name": NaN}',
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b'{"name": "x", "description": {"deep": ["\\u0000"]}}',
        b'{"name": "x", "surplus": 1}',
        b'{"name": ""}',
        b"[]",
        b"\xff\xfe",
        b"",
        b"[" * 100_000,
    ],
)
def test_a_malformed_body_is_refused_with_details(client, body):
    answer = client.post("/v2/projects/", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
    assert answer.json()["error"]["details"]


@SQLITE_ONLY
def test_a_body_beyond_the_limit_is_refused_before_it_is_read_to_its_end(client, monkeypatch):
    monkeypatch.setattr("web_helper.backend.api.strict_json.MAX_BODY_BYTES", 1000)

    answer = client.post("/v2/projects/", json={"name": "x", "description": "y" * 2000})

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v2/tasks/{}/", None),
        ("PATCH", "/v2/projects/{}/", {"name": "x"}),
        ("DELETE", "/storages/{}/", None),
        ("GET", "/v2/data-files/{}/thumbnail/", None),
        ("POST", "/v2/task-tags/", {"project": "{}", "name": "x"}),
        ("POST", "/v2/tasks/bulk-fetch/", {"ids": ["{}"]}),
        ("POST", "/v2/tasks/set-tags/", {"ids": [1], "tags": ["{}"]}),
        ("POST", "/v2/tokens/", {"name": "x", "user": "{}"}),
    ],
)
@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**200])
def test_a_number_that_no_row_has_is_refused(client, method, path, body, number):
    text = json.dumps(body).replace('"{}"', str(number))

    answer = client.request(method, path.format(number), content=text if body else None)

    # PostgreSQL looks for it, and finds nothing.
    assert answer.status_code in (200, 400, 404), answer.text
    assert answer.status_code != 200 or answer.json()["meta"]["missing_ids"] == [number]


@SQLITE_ONLY
def test_a_failure_of_the_server_tells_the_request_id_and_nothing_of_its_inside(client, app, caplog):
    app.state.database.engine.dispose()
    app.state.database.ping = lambda: 1 / 0

    answer = client.get("/health/", headers={"X-Request-ID": "failing-1"})

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "INTERNAL_ERROR"
    assert "division" not in answer.text
    assert answer.headers["X-Request-ID"] == answer.json()["meta"]["request_id"] == "failing-1"
    failures = [record for record in caplog.records if record.getMessage() == "request_failed"]
    assert [record.fields["request_id"] for record in failures] == ["failing-1"]


def test_what_fails_in_the_database_is_logged_without_values(database, caplog):
    """The keys of a storage are among them."""
    key = token_hex()
    with pytest.raises(DBAPIError) as caught, database.write() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:key)"), {"key": key})
    log_failure("request_failed", caught.value)

    assert "INSERT INTO nowhere" in caplog.text
    assert key not in caplog.text


def test_of_many_equal_requests_at_once_one_succeeds_and_the_others_are_conflicts(client):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/v2/projects/", json={"name": "same"}), range(8)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409} == {"CONFLICT"}


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/components/changes"), ("GET", "/v2/tasks/?nonsense=1"), ("GET", "/v2/tasks/none/")],
)
def test_who_may_not_ask_hears_that_before_what_is_wrong_with_the_question(client, method, path):
    body = {} if method == "POST" else None
    assert client.request(method, path, json=body).status_code == 400
    assert client.request(method, path, json=body, headers={"Authorization": "Token syn_no"}).status_code == 401
