"""Who may do what: roles in a project, scopes of a key, and the invisibility of other people's projects."""

import pytest

from tests.backend.factories import boxes
from web_helper.backend.models import Role

ROLES = list(Role)


@pytest.fixture
def world(client, make):
    """One thing of each kind in one project; a member and a stranger are added by each test."""
    project = make.project("ours")
    tasks = make.tasks(project, 2, data=boxes("cat"))
    work = make.assignments(project, tasks, data=boxes("cat"), status_label="completed")
    make.tag(project, "day")
    dataset = client.post("/v2/ground-truth-datasets/", json={"project": project["id"], "name": "g"}).json()["data"]
    client.post(f"/v2/ground-truth-datasets/{dataset['id']}/collect/", json={})
    client.post(f"/v2/ground-truth-datasets/{dataset['id']}/versions/", json={"name": "one"})
    client.post(f"/v2/assignments/{work[0]}/review/", json={"status": "approved"})
    (spare,) = make.units(project, ["spare.jpg"])
    return {"project": project, "task": tasks[0], "assignment": work[0], "dataset": dataset["id"], "spare": spare}


def requests_of(world):
    """(lowest role, method, path, body): what each role is for."""
    project, task, assignment, dataset = world["project"]["id"], world["task"], world["assignment"], world["dataset"]
    return [
        (Role.VIEWER, "GET", f"/v2/projects/{project}/", None),
        (Role.VIEWER, "GET", f"/v2/tasks/{task}/", None),
        (Role.VIEWER, "GET", f"/tasks/{task}/", None),
        (Role.VIEWER, "GET", f"/v2/assignments/{assignment}/", None),
        (Role.VIEWER, "GET", f"/v2/ground-truth-datasets/{dataset}/", None),
        (Role.ANNOTATOR, "PUT", f"/tasks/{task}/annotate_task_data/", {"data": boxes("cat")}),
        (Role.ANNOTATOR, "PATCH", f"/v2/tasks/{task}/", {"status": "in_progress"}),
        (Role.ANNOTATOR, "POST", "/v2/assignments/", {"task": task}),
        (Role.MANAGER, "PATCH", f"/v2/tasks/{task}/", {"is_discarded": True}),
        (Role.MANAGER, "PATCH", f"/v2/assignments/{assignment}/", {"is_confirmed": True}),
        (Role.MANAGER, "POST", f"/v2/assignments/{assignment}/review/", {"status": "approved"}),
        (Role.MANAGER, "POST", "/v2/tasks/set-tags/", {"ids": [task], "tags": ["day"]}),
        (Role.MANAGER, "POST", "/v2/task-tags/", {"project": project, "name": "new"}),
        (Role.MANAGER, "PATCH", "/v2/task-tags/1/", {"name": "day"}),
        (Role.MANAGER, "PATCH", f"/v2/projects/{project}/", {"description": "x"}),
        (Role.MANAGER, "POST", f"/v2/ground-truth-datasets/{dataset}/collect/", {}),
        (Role.MANAGER, "PATCH", f"/v2/ground-truth-datasets/{dataset}/", {"description": "x"}),
        (Role.MANAGER, "POST", "/v2/ground-truth-datasets/", {"project": project, "name": "new"}),
        (Role.MANAGER, "PATCH", "/v2/ground-truths/1/", {"data": boxes("dog")}),
        (Role.MANAGER, "DELETE", "/v2/ground-truths/2/", None),
        (Role.ADMIN, "POST", "/v2/members/", {"project": project, "user": 1}),
        (Role.ADMIN, "PATCH", "/v2/members/1/", {"role": "viewer"}),
        (Role.ADMIN, "DELETE", "/v2/members/1/", None),
        (Role.ADMIN, "DELETE", f"/v2/assignments/{assignment}/", None),
        (Role.ADMIN, "DELETE", f"/v2/tasks/{task}/", None),
        (Role.ADMIN, "DELETE", f"/v2/projects/{project}/", None),
    ]


def send(client, method, path, body):
    return client.request(method, path, json=body)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_is_for_and_nothing_above(make, world, role):
    _, member = make.user(project=world["project"], role=role)
    for needed, method, path, body in requests_of(world):
        answer = send(member, method, path, body)
        if ROLES.index(role) >= ROLES.index(needed):
            # The second administrator of a project is a member already: a conflict, not a refusal.
            assert answer.status_code in {200, 201, 204, 409}, (method, path, answer.text)
        else:
            assert answer.status_code == 403, (method, path, answer.text)
            assert answer.json()["error"]["code"] == "PERMISSION_DENIED"


def test_to_strangers_a_project_and_all_in_it_do_not_exist(client, make, world):
    _, stranger = make.user()
    for _, method, path, body in requests_of(world):
        assert send(stranger, method, path, body).status_code == 404, (method, path)
    for noun in ("projects", "tasks", "assignments", "reviews", "task-tags", "members", "ground-truths"):
        assert stranger.get(f"/v2/{noun}/").json()["data"] == [], noun
        v1 = stranger.get(f"/{noun.replace('-', '_')}/").json()
        assert (v1["count"], v1["results"]) == (0, []), noun
    for noun in ("tasks", "assignments", "ground_truth_events"):
        assert stranger.get(f"/sdk/{noun}/").json()["count"] == 0, noun


def test_lists_hold_the_rows_of_own_projects_only(client, make, world):
    other = make.project("theirs")
    make.tasks(other, 3)
    _, member = make.user(project=other, role=Role.VIEWER)

    assert [project["name"] for project in member.get("/v2/projects/").json()["data"]] == ["theirs"]
    assert {task["project_id"] for task in member.get("/v2/tasks/").json()["data"]} == {other["id"]}
    assert member.get("/v2/tasks/", params={"project": world["project"]["id"]}).json()["data"] == []


def test_a_key_for_reading_changes_nothing(make, world):
    _, reader = make.user(project=world["project"], role=Role.ADMIN, scopes=["read"])
    for _, method, path, body in requests_of(world):
        expected = 200 if method == "GET" else 403
        assert send(reader, method, path, body).status_code == expected, (method, path)


def test_a_manager_adds_tasks_and_an_annotator_does_not(make, world):
    body = {"project": world["project"]["id"], "data_unit": world["spare"]}
    _, annotator = make.user(project=world["project"], role=Role.ANNOTATOR)
    _, manager = make.user(project=world["project"], role=Role.MANAGER)

    assert annotator.post("/v2/tasks/", json=body).status_code == 403
    assert manager.post("/v2/tasks/", json=body).status_code == 201
