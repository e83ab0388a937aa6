"""Tasks and assignments: making, annotating, tagging, reviewing, and how v1 and v2 show them."""

import json
import re

import pytest

from tests.backend.factories import SQLITE_ONLY, boxes
from web_helper.backend.models import Role


@pytest.fixture
def project(make):
    return make.project()


@pytest.fixture
def task(make, project):
    return make.tasks(project, 1, files=True)[0]


def submit(client, task, data):
    return client.put(f"/tasks/{task}/annotate_task_data/", json={"action": "submit", "data": data})


def test_a_submitted_task_is_completed_and_keeps_its_annotations_as_they_were_sent(client, task):
    data = {"annotations": [{"id": "a", "category": "cat", "bbox": [1, 2.50, 3, 4], "own": {"x": [1, None]}}], "n": 1}

    assert submit(client, task, data).status_code == 200

    detail = client.get(f"/v2/tasks/{task}/").json()["data"]
    assert detail["status"] == "completed"
    assert detail["data"] == data


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("annotation", "field"),
    [
        ({"category": "cat", "bbox": [1, 2, 3]}, "data.annotations.0.bbox"),
        ({"category": "cat", "bbox": [1, 2, 3, "x"]}, "data.annotations.0.bbox"),
        ({"bbox": [1, 2, 3, 4]}, "data.annotations.0.category"),
        ({"category": "bird", "bbox": [1, 2, 3, 4]}, "data.annotations.0.category"),
        ({"category": "cat", "type": "blob"}, "data.annotations.0.type"),
    ],
)
def test_annotations_that_do_not_fit_the_schema_are_refused_by_field(client, task, annotation, field):
    answer = submit(client, task, {"annotations": [annotation]})

    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["field"].startswith(field)
    assert client.get(f"/v2/tasks/{task}/").json()["data"]["data"] is None


@SQLITE_ONLY
def test_two_annotations_of_one_id_are_refused(client, task):
    data = boxes("cat", "dog")
    data["annotations"][1]["id"] = 1
    assert submit(client, task, data).status_code == 400


@SQLITE_ONLY
def test_a_project_without_classes_takes_any_class(client, make):
    task = make.tasks(make.project(configuration={}), 1)[0]
    assert submit(client, task, boxes("anything")).status_code == 200


def test_a_task_is_made_once_per_data_unit_and_only_from_the_projects_collection(client, make, project):
    (unit,) = make.units(project, ["a.jpg"])
    (foreign,) = make.units(make.project(), ["b.jpg"])
    body = {"project": project["id"], "data_unit": unit, "tags": ["day", "night"], "data": boxes("cat")}

    made = client.post("/v2/tasks/", json=body)

    assert made.status_code == 201
    assert made.json()["data"]["tags"] == ["day", "night"]
    assert made.json()["data"]["data_unit"]["name"] == "a.jpg"
    assert client.post("/v2/tasks/", json=body).status_code == 409
    assert client.post("/v2/tasks/", json={**body, "data_unit": foreign}).status_code == 409
    assert client.post("/v2/tasks/", json={**body, "data_unit": 10_000}).status_code == 404


def test_many_tasks_are_made_in_one_request_or_none(client, make, project):
    units = make.units(project, ["a.jpg", "b.jpg"])
    bodies = [{"project": project["id"], "data_unit": unit} for unit in units]

    refused = client.post("/tasks/", json=[*bodies, {"project": project["id"], "data_unit": 10_000}])
    assert refused.status_code == 404
    assert client.get("/tasks/").json()["count"] == 0
    made = client.post("/tasks/", json=bodies)
    assert [task["data_unit"]["id"] for task in made.json()] == units


def _without_signatures(row: dict) -> dict:
    """Links say when they were signed."""
    return json.loads(re.sub("/objects/[^/]+/", "/objects/", json.dumps(row)))


def test_v1_lists_are_slim_until_they_are_expanded_and_sdk_lists_carry_everything(client, make, project):
    (task,) = make.tasks(project, 1, names=["a.jpg"], files=True, data=boxes("cat"))
    make.tag(project, "day", tasks=[task])

    slim = client.get("/tasks/").json()["results"][0]
    full = client.get("/sdk/tasks/").json()["results"][0]

    assert "data" not in slim
    assert isinstance(slim["data_unit"], int)
    assert full["data"] == boxes("cat")
    assert full["tags"] == ["day"]
    assert {**full["data_unit"], "files": None} == {
        "id": slim["data_unit"], "name": "a.jpg", "width": 640, "height": 480, "files": None,
    }  # fmt: skip
    assert full["files"] == full["data_unit"]["files"]["image"]
    assert full["files"]["file_name_original"] == "a.jpg"
    assert full["files"]["url"].startswith("http://testserver/objects/")
    (expanded,) = client.get("/tasks/?expand=data,data_unit,files").json()["results"]
    assert _without_signatures(expanded) == _without_signatures(full)
    assert _without_signatures(client.get(f"/tasks/{task}/").json()) == _without_signatures(full)
    assert client.get("/sdk/tasks/?fields=id,data").json()["results"] == [{"id": task, "data": boxes("cat")}]
    assert client.get("/sdk/tasks/?fields=data").json()["results"] == [{"data": boxes("cat")}]


def test_v1_pages_link_to_their_neighbours(client, make, project):
    make.tasks(project, 5)

    first = client.get("/tasks/?page_size=2&ordering=id&status=pending").json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()

    assert first["next"].startswith("http://testserver/tasks/?")
    assert [len(page["results"]) for page in (first, second, third)] == [2, 2, 1]
    assert (first["count"], first["previous"], third["next"]) == (5, None, None)
    assert client.get(third["previous"]).json()["results"] == second["results"]


def test_tags_are_added_removed_and_replaced(client, make, project):
    tasks = make.tasks(project, 2)

    def tag(action, *tags):
        answer = client.post("/tasks/set_tags/", json={"ids": tasks, "tags": tags, "action": action})
        assert answer.status_code == 200, answer.text
        return client.get(f"/tasks/{tasks[1]}/").json()["tags"]

    assert tag("add", "day", "night") == ["day", "night"]
    assert tag("add", "day") == ["day", "night"]
    assert tag("remove", "day") == ["night"]
    night = client.get("/task_tags/?search=night").json()["results"][0]["id"]
    assert tag("set", "dusk", night) == ["dusk", "night"]
    assert client.post("/tasks/set_tags/", json={"ids": [999], "tags": ["x"]}).status_code == 404
    assert client.post("/tasks/set_tags/", json={"ids": tasks, "tags": ["a,b"]}).status_code == 400


def test_completing_an_assignment_hands_its_annotations_to_the_task(client, make, project, task):
    assignment = client.post("/v2/assignments/", json={"task": task}).json()["data"]

    body = {"data": boxes("dog"), "status_label": "completed"}
    changed = client.patch(f"/v2/assignments/{assignment['id']}/", json=body).json()["data"]

    assert changed["data"] == boxes("dog")
    detail = client.get(f"/v2/tasks/{task}/").json()["data"]
    assert (detail["status"], detail["data"]) == ("completed", boxes("dog"))


def test_a_review_is_kept_and_new_work_needs_a_new_one(client, make, project, task):
    (assignment,) = make.assignments(project, [task], data=boxes("cat"), status_label="completed")
    path = f"/v2/assignments/{assignment}/"

    reviewed = client.post(f"{path}review/", json={"status": "rejected", "comment": "tail is missing"})
    assert reviewed.json()["data"]["status_review"] == "rejected"
    again = client.patch(path, json={"data": boxes("cat", "cat")})
    assert again.json()["data"]["status_review"] == "pending"

    history = client.get("/v2/reviews/", params={"assignment": assignment}).json()["data"]
    assert [(review["status"], review["comment"]) for review in history] == [("rejected", "tail is missing")]


@SQLITE_ONLY
def test_work_that_is_not_completed_cannot_be_reviewed(client, make, project, task):
    (assignment,) = make.assignments(project, [task])
    path = f"/v2/assignments/{assignment}/review/"
    assert client.post(path, json={"status": "approved"}).status_code == 409
    assert client.post(path, json={"status": "pending"}).status_code == 400


def test_an_annotator_changes_only_own_assignments(client, make, project, task):
    user_id, annotator = make.user(project=project, role=Role.ANNOTATOR)
    own, other = make.assignments(project, [task], user_id=user_id) + make.assignments(project, [task])

    assert annotator.patch(f"/v2/assignments/{own}/", json={"data": boxes("cat")}).status_code == 200
    assert annotator.patch(f"/v2/assignments/{other}/", json={"data": boxes("cat")}).status_code == 403
    assert annotator.patch(f"/v2/assignments/{own}/", json={"is_confirmed": True}).status_code == 403
    assert annotator.post("/v2/assignments/", json={"task": task, "user": 1}).status_code == 403


def test_an_assignment_is_given_to_members_only(client, make, project, task):
    stranger, _ = make.user()
    member, _ = make.user(project=project, role=Role.ANNOTATOR)

    assert client.post("/v2/assignments/", json={"task": task, "user": stranger}).status_code == 400
    made = client.post("/v2/assignments/", json={"task": task, "user": member})
    assert made.json()["data"]["user_id"] == member
