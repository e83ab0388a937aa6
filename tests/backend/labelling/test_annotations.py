"""The task editor's side of the server: revisions, conflicts that say who and when, reviews, discarding."""

import pytest

from tests.backend.factories import boxes
from web_helper.backend.models import Role


@pytest.fixture
def project(make):
    return make.project()


@pytest.fixture
def task(make, project):
    return make.tasks(project, 1)[0]


def read(client, task):
    return client.get(f"/v2/tasks/{task}/annotations/").json()["data"]


def save(client, task, expected, data, **fields):
    return client.put(f"/v2/tasks/{task}/annotations/", json={"expected": expected, "data": data, **fields})


def test_a_save_over_the_revision_that_was_read_is_taken(client, task):
    before = read(client, task)
    assert (before["data"], before["changed_by"]) == (None, None)
    assert (before["width"], before["height"], before["image"]) == (640, 480, None)

    after = save(client, task, before["revision"], boxes("cat"), status="in_progress").json()["data"]

    assert after["data"] == boxes("cat")
    assert after["status"] == "in_progress"
    assert after["revision"] != before["revision"]
    assert after["changed_by"]
    assert read(client, task) == after


def test_what_a_person_has_saved_is_no_longer_pending_so_no_run_replaces_it(client, task):
    began = read(client, task)
    assert began["status"] == "pending"
    after = save(client, task, began["revision"], boxes("cat")).json()["data"]
    assert after["status"] == "in_progress"
    assert save(client, task, after["revision"], boxes("cat"), status="pending").json()["data"]["status"] == "pending"


def test_a_save_over_another_revision_is_refused_with_who_and_when(client, make, project, task):
    began = read(client, task)["revision"]
    _, ann = make.user(project=project, role=Role.ANNOTATOR)
    theirs = save(ann, task, began, boxes("dog")).json()["data"]

    answer = save(client, task, began, boxes("cat"))

    assert answer.status_code == 409
    message = answer.json()["error"]["message"]
    assert theirs["changed_by"] in message
    assert theirs["changed"][:10] in message
    assert read(client, task)["data"] == boxes("dog")


def test_the_same_save_again_is_answered_again(client, task):
    began = read(client, task)["revision"]
    first = save(client, task, began, boxes("cat"))
    again = save(client, task, began, boxes("cat"))
    assert first.json()["data"] == again.json()["data"]


def test_changes_by_other_ways_are_conflicts_too(client, task):
    began = read(client, task)["revision"]
    client.put(f"/v2/tasks/{task}/annotate-task-data/", json={"data": boxes("dog")})
    assert save(client, task, began, boxes("cat")).status_code == 409
    assert read(client, task)["changed_by"]


def test_annotations_are_checked_and_the_field_is_named(client, task):
    answer = save(client, task, read(client, task)["revision"], boxes("bird"))
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["field"] == "data.annotations.0.category"


def test_a_review_is_of_what_the_reviewer_saw(client, task):
    seen = save(client, task, read(client, task)["revision"], boxes("cat")).json()["data"]["revision"]

    def review(revision, status, comment=""):
        body = {"expected": revision, "status": status, "comment": comment}
        return client.post(f"/v2/tasks/{task}/review/", json=body)

    rejected = review(seen, "rejected", "The tail is missing.").json()["data"]
    assert (rejected["status"], rejected["review"]) == ("in_progress", "rejected")
    assert rejected["review_comment"] == "The tail is missing."

    now = save(client, task, seen, boxes("cat", "cat")).json()["data"]
    assert now["review"] == "pending"
    assert review(seen, "approved").status_code == 409

    approved = review(now["revision"], "approved").json()["data"]
    assert (approved["status"], approved["review"]) == ("completed", "approved")
    assert review(now["revision"], "pending").status_code == 400


def test_annotators_save_and_managers_review(make, project, task):
    _, viewer = make.user(project=project, role=Role.VIEWER)
    _, annotator = make.user(project=project, role=Role.ANNOTATOR)
    _, stranger = make.user()
    began = read(viewer, task)["revision"]

    assert save(viewer, task, began, boxes("cat")).status_code == 403
    assert save(stranger, task, began, boxes("cat")).status_code == 404
    now = save(annotator, task, began, boxes("cat")).json()["data"]["revision"]
    body = {"expected": now, "status": "approved"}
    assert annotator.post(f"/v2/tasks/{task}/review/", json=body).status_code == 403


def test_what_a_run_wrote_is_told_with_its_producer_and_score(client, make, project, task):
    run = {"id": "11111111-1111-4111-8111-111111111111", "project": project["id"], "method": "inference"}
    run |= {"producer": "detector", "version": "2.1"}
    made = client.post("/v2/pre-annotation-runs/", json=run)
    assert made.status_code == 201, made.text
    data = {"annotations": [{"category": "cat", "bbox": [1, 2, 3, 4], "score": 0.75}]}
    items = {"items": [{"task": task, "data": data}]}
    sent = client.post(f"/pre_annotation_runs/{run['id']}/results/", json=items)
    assert sent.status_code == 200, sent.text

    found = read(client, task)
    assert (found["changed_by"], found["origin"]["version"]) == ("detector", "2.1")
    assert (found["origin"]["score"], found["origin"]["is_untouched"]) == (0.75, True)

    after = save(client, task, found["revision"], boxes("dog")).json()["data"]
    assert not after["origin"]["is_untouched"]
    assert after["changed_by"] != "detector"


def test_many_tasks_are_discarded_at_once_or_none_is(client, make, project):
    ids = make.tasks(project, 3)

    def discard(client, task_ids, wanted):
        return client.post("/v2/tasks/set-discarded/", json={"ids": task_ids, "is_discarded": wanted})

    assert discard(client, [*ids, 10**6], wanted=True).status_code == 404
    assert not any(read(client, task)["is_discarded"] for task in ids)
    assert discard(client, ids, wanted=True).json()["data"]["count"] == 3
    assert all(read(client, task)["is_discarded"] for task in ids)
    _, annotator = make.user(project=project, role=Role.ANNOTATOR)
    assert discard(annotator, ids, wanted=False).status_code == 403
