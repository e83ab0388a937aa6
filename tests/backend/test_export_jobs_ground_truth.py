"""Released versions of ground truth, exported by the server."""

import json

import pytest

from tests.backend.factories import boxes
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.models import Role, WorkStatus


@pytest.fixture
def released(client, make):
    """A data set with one released version of two truths, and work that came later."""
    project = make.project()
    tasks = make.tasks(project, 2, files=True)
    make.assignments(project, tasks, data=boxes("cat"), status_label=WorkStatus.COMPLETED)
    body = {"project": project["id"], "name": "gold"}
    dataset = client.post("/v2/ground-truth-datasets/", json=body).json()["data"]["id"]
    assert client.post(f"/v2/ground-truth-datasets/{dataset}/collect/", json={}).status_code == 200
    version = client.post(f"/v2/ground-truth-datasets/{dataset}/versions/", json={"name": "v1"}).json()["data"]["id"]
    make.assignments(project, make.tasks(project, 1), data=boxes("dog"), status_label=WorkStatus.COMPLETED)
    client.post(f"/v2/ground-truth-datasets/{dataset}/collect/", json={})
    return project, dataset, version


def ask(client, **body):
    return client.post("/v2/plugin-exports/", json={"target": "ground_truth", **body})


@pytest.mark.parametrize("name", ["ground_truth_dataset_version", "ground_truth_dataset_versions"])
def test_a_version_is_exported_as_it_was_released(client, settings, database, released, name):
    project, _, version = released
    answer = ask(client, filter={name: version})
    assert answer.status_code == 202, answer.text
    job_id, job = answer.json()["data"]["job_id"], ExportJob(database, settings)
    job.finish(job_id, json.loads(json.dumps(job.build(job_id))))
    bundle = client.get(f"/v2/async-jobs/{job_id}/").json()["data"]["bundle"]
    manifest = bundle["manifest"]
    assert (manifest["row_count"], manifest["file_count"], manifest["project"]) == (2, 2, project["id"])
    lines = (settings.storage_dir / bundle["prefix"] / "ground_truths.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["data"] for line in lines] == [boxes("cat")] * 2


def test_the_role_in_the_project_of_the_version_counts(make, released):
    project, dataset, version = released
    _, stranger = make.user()
    _, viewer = make.user(project=project, role=Role.VIEWER)
    _, manager = make.user(project=project, role=Role.MANAGER)
    assert ask(stranger, filter={"ground_truth_dataset_version": version}).status_code == 404
    assert ask(viewer, filter={"ground_truth_dataset_version": version}).status_code == 403
    assert ask(manager, filter={"ground_truth_dataset_version": version}).status_code == 202
    assert ask(manager, filter={"dataset": dataset}).status_code == 202


def test_unknown_versions_and_those_of_other_projects_are_refused(client, make, released):
    project, dataset, version = released
    other = make.project()
    body = {"project": other["id"], "name": "silver"}
    elsewhere = client.post("/v2/ground-truth-datasets/", json=body).json()["data"]["id"]
    assert ask(client, filter={"ground_truth_dataset_version": 999}).status_code == 404
    assert ask(client, filter={"dataset": [dataset, elsewhere]}).status_code == 400
    assert ask(client, project=other["id"], filter={"ground_truth_dataset_version": version}).status_code == 400
    assert ask(client, project=project["id"], filter={"ground_truth_dataset_version": version}).status_code == 202
