"""Curating ground truth: collecting completed work, the history of every truth, versions that never change."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests.backend.factories import boxes
from web_helper.backend.models import Role
from web_helper.backend.queries.work import curation


@pytest.fixture
def project(make):
    return make.project()


@pytest.fixture
def dataset(client, project):
    answer = client.post("/v2/ground-truth-datasets/", json={"project": project["id"], "name": "gold"})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def completed(make, project, count: int, *categories: str) -> list[int]:
    tasks = make.tasks(project, count)
    return make.assignments(project, tasks, data=boxes(*categories), status_label="completed")


def collect(client, dataset, **filters):
    answer = client.post(f"/v2/ground-truth-datasets/{dataset['id']}/collect/", json={"filter": filters})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def release(client, dataset, name: str):
    return client.post(f"/v2/ground-truth-datasets/{dataset['id']}/versions/", json={"name": name})


def events_of(client, version) -> list[dict]:
    params = {"ground_truth_dataset_version": version["id"], "ordering": "pgh_id"}
    return client.get("/sdk/ground_truth_events/", params=params).json()["results"]


def test_collecting_takes_completed_work_and_repeating_it_changes_nothing(client, make, project, dataset):
    completed(make, project, 3, "cat")
    make.assignments(project, make.tasks(project, 2), data=boxes("dog"), status_label="in_progress")

    assert collect(client, dataset) == {"inserted": 3, "updated": 0, "unchanged": 0}
    assert collect(client, dataset) == {"inserted": 0, "updated": 0, "unchanged": 3}


def test_collecting_again_after_a_change_updates_the_truth_and_keeps_its_history(client, make, project, dataset):
    (assignment,) = completed(make, project, 1, "cat")
    collect(client, dataset)
    client.patch(f"/v2/assignments/{assignment}/", json={"data": boxes("dog"), "status_label": "completed"})

    assert collect(client, dataset) == {"inserted": 0, "updated": 1, "unchanged": 0}

    truth = client.get("/ground_truths/", params={"dataset": dataset["id"], "expand": "data"}).json()["results"][0]
    assert truth["data"] == boxes("dog")
    events = client.get("/v2/ground-truth-events/", params={"ground_truth": truth["id"], "sort": "pgh_id"}).json()
    assert [event["pgh_label"] for event in events["data"]] == ["insert", "update"]


def test_of_several_assignments_about_one_unit_the_newest_is_taken(client, make, project, dataset):
    tasks = make.tasks(project, 1)
    make.assignments(project, tasks, data=boxes("cat"), status_label="completed")
    make.assignments(project, tasks, data=boxes("dog"), status_label="completed")

    assert collect(client, dataset)["inserted"] == 1
    truth = client.get("/ground_truths/", params={"expand": "data"}).json()["results"][0]
    assert truth["data"] == boxes("dog")


def test_collecting_honours_the_filters_of_assignments_and_refuses_unknown_ones(client, make, project, dataset):
    first, *_ = completed(make, project, 3, "cat")

    assert collect(client, dataset, ids=[first])["inserted"] == 1
    answer = client.post(f"/v2/ground-truth-datasets/{dataset['id']}/collect/", json={"filter": {"nonsense": 1}})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["field"] == "nonsense"


@pytest.fixture
def between(monkeypatch):
    """Data sets are collected two data units at a time; what is put here is done between two steps."""
    monkeypatch.setattr(curation, "UNITS_AT_ONCE", 2)
    done = SimpleNamespace(do=lambda: None)
    pause = SimpleNamespace(sleep=lambda _seconds: done.do())
    monkeypatch.setattr("web_helper.backend.api.work.ground_truths.time", pause)
    return done


@pytest.mark.parametrize("count", [3, 4])
def test_collecting_in_steps_comes_to_the_same(client, make, *, project, dataset, between, count):
    first, *_ = completed(make, project, count, "cat")
    make.assignments(project, make.tasks(project, 1), data=boxes("dog"), status_label="in_progress")
    other = make.project()
    completed(make, other, 3, "cat")

    assert collect(client, dataset) == {"inserted": count, "updated": 0, "unchanged": 0}
    client.patch(f"/v2/assignments/{first}/", json={"data": boxes("dog"), "status_label": "completed"})
    assert collect(client, dataset) == {"inserted": 0, "updated": 1, "unchanged": count - 1}
    assert release(client, dataset, "v1").json()["data"]["event_count"] == count


def test_others_write_while_a_data_set_is_collected_but_nobody_releases_it(client, make, project, dataset, between):
    completed(make, project, 5, "cat")
    truths, refused = [], []

    def write():
        client.patch(f"/v2/projects/{project['id']}/", json={"description": f"after {len(truths)}"}).raise_for_status()
        truths.append(len(client.get("/v2/ground-truths/").json()["data"]))
        refused.append(release(client, dataset, "half").status_code)
        again = client.post(f"/v2/ground-truth-datasets/{dataset['id']}/collect/", json={})
        refused.append(again.status_code)

    between.do = write
    assert collect(client, dataset) == {"inserted": 5, "updated": 0, "unchanged": 0}
    assert truths == [2, 4]
    assert refused == [409] * 4
    assert release(client, dataset, "whole").json()["data"]["event_count"] == 5


def test_a_collection_that_broke_off_is_repeated_before_anything_is_released(
    client, make, *, project, dataset, between, monkeypatch
):
    completed(make, project, 5, "cat")
    between.do = lambda: 1 / 0
    url = f"/v2/ground-truth-datasets/{dataset['id']}/collect/"
    assert client.post(url, json={}).status_code == 500
    between.do = lambda: None

    assert release(client, dataset, "half").status_code == 409
    assert "repeated after 90 seconds" in client.post(url, json={}).json()["error"]["message"]
    monkeypatch.setattr("web_helper.backend.services.work.ground_truths.SILENCE", timedelta(0))
    assert collect(client, dataset) == {"inserted": 3, "updated": 0, "unchanged": 2}
    assert release(client, dataset, "whole").json()["data"]["event_count"] == 5


def test_a_released_version_stays_as_it_is_whatever_happens_to_its_data_set(client, make, project, dataset):
    completed(make, project, 3, "cat")
    collect(client, dataset)
    version = release(client, dataset, "v1").json()["data"]
    before = [(event["id"], event["data"]) for event in events_of(client, version)]

    truth, gone, _ = client.get("/v2/ground-truths/", params={"sort": "id"}).json()["data"]
    client.patch(f"/v2/ground-truths/{truth['id']}/", json={"data": boxes("dog")})
    client.delete(f"/v2/ground-truths/{gone['id']}/")

    assert [(event["id"], event["data"]) for event in events_of(client, version)] == before
    second = release(client, dataset, "v2").json()["data"]
    assert second["event_count"] == 2
    assert [event["data"] for event in events_of(client, second)] == [boxes("cat"), boxes("dog")]


def test_a_version_name_is_used_once_and_versions_cannot_be_changed_or_deleted(client, make, project, dataset):
    completed(make, project, 1, "cat")
    collect(client, dataset)
    version = release(client, dataset, "v1").json()["data"]

    assert release(client, dataset, "v1").status_code == 409
    assert client.delete(f"/v2/ground-truth-dataset-versions/{version['id']}/").status_code == 405
    assert client.delete(f"/v2/ground-truth-datasets/{dataset['id']}/").status_code == 409


def test_same_annotations_again_are_no_event(client, make, project, dataset):
    (unit,) = make.units(project, ["a.jpg"])
    body = {"dataset": dataset["id"], "data_unit": unit, "data": boxes("cat")}
    truth = client.post("/v2/ground-truths/", json=body).json()["data"]

    client.patch(f"/v2/ground-truths/{truth['id']}/", json={"data": boxes("cat")})

    assert client.get("/sdk/ground_truth_events/").json()["count"] == 1
    assert client.post("/v2/ground-truths/", json=body).status_code == 409


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.ANNOTATOR, 403), (Role.MANAGER, 201)])
def test_releasing_is_for_managers(make, project, dataset, role, status):
    _, other = make.user(project=project, role=role)
    assert release(other, dataset, "v1").status_code == status


def test_ground_truth_of_other_projects_does_not_exist(client, make, project, dataset):
    completed(make, project, 1, "cat")
    collect(client, dataset)
    version = release(client, dataset, "v1").json()["data"]
    _, stranger = make.user()

    assert release(stranger, dataset, "v2").status_code == 404
    assert events_of(stranger, version) == []
    for path in ("ground-truths", "ground-truth-datasets", "ground-truth-dataset-versions", "ground-truth-events"):
        assert stranger.get(f"/v2/{path}/").json()["data"] == []
