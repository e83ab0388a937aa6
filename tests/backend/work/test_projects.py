"""Projects through the API."""

import itertools
from types import SimpleNamespace

import pytest
import sqlalchemy

from tests.backend.factories import boxes
from web_helper.backend.models import User
from web_helper.backend.queries.work import projects as queries


def test_project_is_made_with_a_collection_of_its_own_and_its_maker_as_administrator(client):
    made = client.post("/v2/projects/", json={"name": "birds"}).json()["data"]

    assert made["name"] == "birds"
    assert made["data_collection_id"] is not None
    assert client.get(f"/v2/projects/{made['id']}/").json()["data"] == made
    assert client.get(f"/projects/{made['id']}/").json() == made


def test_second_project_of_the_same_name_is_refused(client, make):
    make.project("birds")

    answer = client.post("/v2/projects/", json={"name": "birds"})

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "CONFLICT"


def test_every_page_by_number_is_there_whichever_end_it_is_nearer_to(client, make):
    ids = [make.project(f"p{number}")["id"] for number in range(7)]

    for ordering, expected in (("id", ids), ("-id", ids[::-1])):
        for size in (1, 2, 3, 7, 8):
            pages = [
                client.get("/projects/", params={"ordering": ordering, "page_size": size, "page": page + 1}).json()
                for page in range(-(-len(ids) // size) + 1)
            ]
            assert [[row["id"] for row in page["results"]] for page in pages[:-1]] == [
                expected[start : start + size] for start in range(0, len(ids), size)
            ]
            assert pages[-1]["results"] == []


def change_classes(client, project, *classes):
    configuration = {"class_schema": {"classes": [{"id": number, "name": name} for number, name in classes]}}
    return client.patch(f"/v2/projects/{project['id']}/", json={"configuration": configuration})


def test_classes_are_added_and_the_id_of_a_class_never_changes(client, make):
    project = make.project()

    assert change_classes(client, project, (1, "cat"), (2, "dog"), (3, "bird")).status_code == 200
    for classes in (
        [(1, "dog"), (2, "cat"), (3, "bird")],
        [(1, "cat"), (2, "dog")],
        [(1, "cat"), (2, "wolf"), (3, "bird")],
        [(1, "cat"), (2, "dog"), (3, "bird"), (3, "owl")],
    ):
        assert change_classes(client, project, *classes).status_code in {400, 409}, classes
    stored = client.get(f"/v2/projects/{project['id']}/").json()["data"]["configuration"]["class_schema"]["classes"]
    assert [(entry["id"], entry["name"]) for entry in stored] == [(1, "cat"), (2, "dog"), (3, "bird")]


def test_a_class_schema_that_makes_no_sense_is_refused(client, make):
    project = make.project(configuration={})
    for classes in ([(0, "cat")], [(1, "")], [(1, "cat"), (1, "dog")], [(1, "cat"), (2, "cat")]):
        answer = change_classes(client, project, *classes)
        assert answer.status_code == 400, classes
        assert answer.json()["error"]["details"][0]["field"].startswith("configuration.class_schema")


def test_a_project_with_tasks_keeps_its_collection(client, make):
    project, other = make.project(), make.project()
    make.tasks(project, 1)

    body = {"data_collection": other["data_collection_id"]}
    assert client.patch(f"/v2/projects/{project['id']}/", json=body).status_code == 409


@pytest.mark.parametrize("rows_at_once", [1, 3, 10_000])
def test_deleting_a_project_takes_its_work_and_leaves_the_data(client, make, database, monkeypatch, rows_at_once):
    monkeypatch.setattr(queries, "ROWS_AT_ONCE", rows_at_once)
    project = make.project()
    tasks = make.tasks(project, 2)
    make.assignments(project, tasks, data=boxes("cat"), status_label="completed")
    make.tag(project, "day", tasks=tasks)
    dataset = client.post("/v2/ground-truth-datasets/", json={"project": project["id"], "name": "g"}).json()["data"]
    client.post(f"/v2/ground-truth-datasets/{dataset['id']}/collect/", json={})
    client.post(f"/v2/ground-truth-datasets/{dataset['id']}/versions/", json={"name": "one"})

    assert client.delete(f"/v2/projects/{project['id']}/").status_code == 204

    with database.engine.connect() as connection:
        left = {
            table: connection.scalar(sqlalchemy.text(f"SELECT count(*) FROM {table}"))
            for table in ("tasks", "assignments", "tags", "ground_truth_events", "data_units")
        }
    assert left == {"tasks": 0, "assignments": 0, "tags": 0, "ground_truth_events": 0, "data_units": 2}


def test_others_write_while_a_large_project_is_deleted(client, make, database, monkeypatch):
    """In one transaction, deleting millions of rows would hold them back for longer than they wait."""
    monkeypatch.setattr(queries, "ROWS_AT_ONCE", 2)
    project, tasks_left = make.project(), []
    make.tasks(project, 7)

    def pause(_seconds):
        with database.write() as session:
            session.add(User(email=f"user {len(tasks_left)}", name="somebody else"))
            tasks_left.append(session.scalar(sqlalchemy.text("SELECT count(*) FROM tasks")))

    monkeypatch.setattr("web_helper.backend.api.resource.time", SimpleNamespace(sleep=pause))

    assert client.delete(f"/v2/projects/{project['id']}/").status_code == 204

    assert tasks_left == [5, 3, 1]


def test_deleting_a_project_goes_on_where_it_broke_off(client, make, monkeypatch):
    monkeypatch.setattr(queries, "ROWS_AT_ONCE", 2)
    project = make.project()
    make.tasks(project, 5)
    calls, delete_some = itertools.count(), queries.delete_some_rows

    def breaking(session, project_id):
        if next(calls) == 2:
            raise RuntimeError("the power is out")
        return delete_some(session, project_id)

    with monkeypatch.context() as patch:
        patch.setattr(queries, "delete_some_rows", breaking)
        assert client.delete(f"/v2/projects/{project['id']}/").status_code == 500

    assert client.get(f"/v2/tasks/?project={project['id']}").json()["data"] != []
    assert client.delete(f"/v2/projects/{project['id']}/").status_code == 204
    assert client.get(f"/v2/projects/{project['id']}/").status_code == 404
