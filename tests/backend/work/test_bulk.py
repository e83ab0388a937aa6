"""The four bulk paths: whole rows by id, ascending, with large data behind a signed link."""

import hashlib
import json

import pytest

from synapse_sdk.wire.bundle import BulkAnswer, ExportTarget
from tests.backend.factories import boxes
from tests.backend.lines import read_lines
from web_helper.backend.core.signing import PayloadGrant
from web_helper.backend.models import Role

LARGE = boxes(*["cat"] * 2000)


@pytest.fixture
def project(make):
    return make.project()


def fetch(client, path, ids, mode="inline"):
    return client.post(path, json={"ids": ids, "response_mode": mode})


def test_rows_ascend_whatever_the_order_of_the_ids_and_missing_ones_are_named(client, make, project):
    first, second = make.tasks(project, 2, files=True, data=boxes("cat"))

    answer = fetch(client, "/v2/tasks/bulk-fetch/", [second, 999, first, second])

    body = BulkAnswer.model_validate(answer.json())
    assert [row.id for row in body.data] == [first, second]
    assert body.meta.missing_ids == [999]
    assert body.data[0].data == boxes("cat")
    assert body.data[0].files_manifest["image"].is_primary


def test_a_bulk_row_and_a_bundle_row_are_the_same_bytes(client, database, make, project):
    tasks = make.tasks(project, 3, files=True, data=boxes("cat"))
    make.assignments(project, tasks, data=boxes("dog"), status_label="completed")
    make.tag(project, "day", tasks=tasks[:2])

    answer = fetch(client, "/v2/tasks/bulk-fetch/", tasks).json()["data"]
    urls = {row["id"]: row["files_manifest"]["image"]["url"] for row in answer}
    with database.read() as session:
        lines = read_lines(session, ExportTarget.TASK, {"project": project["id"]}, lambda _: "a link")
        rows = [json.loads(line) for line in lines]

    for row in rows:
        row["files_manifest"]["image"]["url"] = urls[row["id"]]
    assert rows == answer


def test_large_data_is_behind_a_link_that_needs_no_token(client, app, make, project):
    from starlette.testclient import TestClient

    (small,), (large,) = make.tasks(project, 1, data=boxes("cat")), make.tasks(project, 1, data=LARGE)

    rows = fetch(client, "/v2/tasks/bulk-fetch/", [small, large], "presigned").json()["data"]

    assert rows[0]["data"] == boxes("cat")
    wrapper = rows[1]["data"]
    assert wrapper["mode"] == "presigned"
    payload = TestClient(app).get(wrapper["presigned_url"])
    assert payload.json() == LARGE
    assert len(payload.content) == wrapper["size_bytes"]
    assert hashlib.sha256(payload.content).hexdigest() == wrapper["sha256"]
    assert fetch(client, "/v2/tasks/bulk-fetch/", [large]).json()["data"][0]["data"] == LARGE


def test_an_expired_link_is_refused_and_a_deleted_row_is_gone(client, app, make, project):
    (task,) = make.tasks(project, 1, data=LARGE)
    link = fetch(client, "/v2/tasks/bulk-fetch/", [task], "presigned").json()["data"][0]["data"]["presigned_url"]

    expired = app.state.signer.sign_payload(PayloadGrant("tasks", task, 0), seconds=-1).url
    assert client.get(expired).status_code == 403
    assert client.get(expired).json()["error"]["code"] == "PERMISSION_DENIED"
    client.delete(f"/v2/tasks/{task}/")
    assert client.get(link).status_code == 404


def test_a_link_shows_no_later_row_that_got_the_number_of_a_deleted_one(client, database, make, project):
    (task,) = make.tasks(project, 1, data=LARGE)
    link = fetch(client, "/v2/tasks/bulk-fetch/", [task], "presigned").json()["data"][0]["data"]["presigned_url"]
    client.delete(f"/v2/tasks/{task}/")
    (later,) = make.tasks(make.project(), 1, data=LARGE)
    # SQLite gives it again, PostgreSQL does not.
    assert (later == task) == (database.engine.dialect.name == "sqlite")

    answer = fetch(client, "/v2/tasks/bulk-fetch/", [later], "presigned").json()["data"][0]["data"]

    assert client.get(answer["presigned_url"]).json() == LARGE
    assert client.get(link).status_code == 404


def test_links_of_all_four_kinds_show_their_row(client, make, project):
    tasks = make.tasks(project, 1, files=True, data=LARGE)
    work = make.assignments(project, tasks, data=LARGE, status_label="completed")
    dataset = client.post("/v2/ground-truth-datasets/", json={"project": project["id"], "name": "g"}).json()["data"]
    client.post(f"/v2/ground-truth-datasets/{dataset['id']}/collect/", json={})
    truths = [row["id"] for row in client.get("/v2/ground-truths/").json()["data"]]
    events = [row["pgh_id"] for row in client.get("/v2/ground-truth-events/").json()["data"]]
    for path, ids in [
        ("tasks/bulk-fetch", tasks),
        ("assignments/bulk-fetch", work),
        ("ground-truths/bulk-data", truths),
        ("ground-truth-events/bulk-data", events),
    ]:
        (row,) = fetch(client, f"/v2/{path}/", ids, "presigned").json()["data"]
        assert client.get(row["data"]["presigned_url"]).json() == LARGE, path


def test_all_four_paths_answer_rows(client, make, project):
    tasks = make.tasks(project, 2, files=True, data=boxes("cat"))
    work = make.assignments(project, tasks, data=boxes("dog"), status_label="completed")
    dataset = client.post("/v2/ground-truth-datasets/", json={"project": project["id"], "name": "g"}).json()["data"]
    client.post(f"/v2/ground-truth-datasets/{dataset['id']}/collect/", json={})
    truths = [row["id"] for row in client.get("/v2/ground-truths/").json()["data"]]
    events = [row["pgh_id"] for row in client.get("/v2/ground-truth-events/").json()["data"]]

    for path, ids, data in [
        ("tasks/bulk-fetch", tasks, boxes("dog")),
        ("assignments/bulk-fetch", work, boxes("dog")),
        ("ground-truths/bulk-data", truths, boxes("dog")),
        ("ground-truth-events/bulk-data", events, boxes("dog")),
    ]:
        rows = fetch(client, f"/v2/{path}/", ids).json()["data"]
        expected = boxes("cat") if path.startswith("tasks") else data
        assert [row["data"] for row in rows] == [expected, expected], path
        assert all(row["files_manifest"] and row["data_unit"]["width"] == 640 for row in rows)


def test_other_peoples_rows_are_missing_and_a_reader_may_fetch_own(client, make, project):
    (own,) = make.tasks(project, 1, data=boxes("cat"))
    (foreign,) = make.tasks(make.project(), 1, data=boxes("cat"))
    _, reader = make.user(project=project, role=Role.VIEWER, scopes=["read"])

    answer = fetch(reader, "/v2/tasks/bulk-fetch/", [own, foreign]).json()

    assert [row["id"] for row in answer["data"]] == [own]
    assert answer["meta"]["missing_ids"] == [foreign]


def test_more_than_200_ids_or_none_are_refused(client):
    assert fetch(client, "/v2/tasks/bulk-fetch/", list(range(201))).status_code == 400
    assert fetch(client, "/v2/tasks/bulk-fetch/", []).status_code == 400
    assert fetch(client, "/v2/tasks/bulk-fetch/", [1], "carrier pigeon").status_code == 400
