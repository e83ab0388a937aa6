"""Snapshots: a released version has one bundle, made in the background, and later exports only download it."""

import hashlib
import json
import shutil
from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests.backend.factories import boxes
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.jobs.housekeeping import Housekeeping
from web_helper.backend.models import AsyncJob, Role, Storage, WorkStatus
from web_helper.backend.models.base import utc_now
from web_helper.backend.services.exports.job_queue import JobQueue, QueueState

VERSION = "ground_truth_dataset_version"


@pytest.fixture
def project(make):
    return make.project()


@pytest.fixture
def release(client, make, project):
    """Releases one more version of a data set that grows by two truths each time; answers its id."""
    body = {"project": project["id"], "name": "gold"}
    dataset = client.post("/v2/ground-truth-datasets/", json=body).json()["data"]["id"]

    def act(name, path="/v2/ground-truth-datasets", *, files=True):
        tasks = make.tasks(project, 2, files=files)
        make.assignments(project, tasks, data=boxes("cat"), status_label=WorkStatus.COMPLETED)
        client.post(f"/v2/ground-truth-datasets/{dataset}/collect/", json={})
        answer = client.post(f"{path}/{dataset}/versions/", json={"name": name})
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return made["data"]["id"] if "data" in made else made["id"]

    return act


@pytest.fixture
def work(database, settings):
    """Does a job as the worker does."""

    def run(job_id):
        job = ExportJob(database, settings)
        job.finish(job_id, json.loads(json.dumps(job.build(job_id))))

    return run


@pytest.fixture
def made(client, release, work, settings):
    """A version with its finished snapshot."""
    version = release("v1")
    job_id = snapshots(client)[0]["job_id"]
    work(job_id)
    return SimpleNamespace(version=version, job_id=job_id, folder=settings.storage_dir / "exports" / job_id)


@pytest.fixture
def queue(settings):
    queue = JobQueue(settings)
    yield queue
    queue.close()


@pytest.fixture
def housekeeping(database, settings, queue):
    return Housekeeping(database, settings, queue)


def snapshots(client, **query):
    return client.get("/v2/async-jobs/", params={"kind": "snapshot", "sort": "created", **query}).json()["data"]


def export(client, expect=202, **body):
    answer = client.post("/v2/plugin-exports/", json={"target": "ground_truth", **body})
    assert answer.status_code == expect, answer.text
    return answer.json()["data"]


def test_every_release_asks_for_its_bundle_and_the_worker_finds_it(client, release, housekeeping, project, database):
    first, second = release("v1"), release("v2", path="/ground_truth_datasets")
    jobs = snapshots(client)
    assert [(job["status"], job["params"]["filter"]) for job in jobs] == [
        ("QUEUED", {VERSION: first}),
        ("QUEUED", {VERSION: second}),
    ]
    assert {job["params"]["project"] for job in jobs} == {project["id"]}
    housekeeping.reconcile()
    assert {housekeeping._queue.state_of(job["job_id"]) for job in jobs} == {QueueState.ALIVE}


def test_an_export_of_the_version_is_its_finished_snapshot(client, release, made, make, project):
    release("v2")
    version, job_id = made.version, made.job_id
    _, manager = make.user(project=project, role=Role.MANAGER)
    for who in (client, manager):
        for body in (
            {"filter": {VERSION: version}},
            {"filter": {f"{VERSION}s": [version]}, "project": project["id"]},
            {"filter": {VERSION: str(version), "search": None}, "idempotency_key": "mine"},
            {"filter": {VERSION: version}, "options": {"include_files": False}},
        ):
            accepted = export(who, **body)
            assert (accepted["job_id"], accepted["status"]) == (job_id, "SUCCEEDED")
    bundle = client.get(f"/v2/async-jobs/{job_id}/").json()["data"]["bundle"]
    part = bundle["manifest"]["parts"][0]
    assert hashlib.sha256((made.folder / "1" / part["path"]).read_bytes()).hexdigest() == part["sha256"]
    assert (bundle["manifest"]["row_count"], bundle["manifest"]["file_count"]) == (2, 2)


def test_any_other_selection_is_a_job_of_its_own(client, release, work):
    first, second = release("v1"), release("v2")
    finished = [job["job_id"] for job in snapshots(client)]
    for job_id in finished:
        work(job_id)
    for document in (
        {VERSION: [first, second]},
        {VERSION: first, "ids": [1]},
        {VERSION: first, "search": ""},
        {"dataset": 1},
    ):
        accepted = export(client, filter=document)
        assert accepted["job_id"] not in finished, document
        assert accepted["status"] == "QUEUED"


def test_whoever_may_not_export_gets_no_snapshot(made, make, project):
    _, stranger = make.user()
    _, viewer = make.user(project=project, role=Role.VIEWER)
    body = {"target": "ground_truth", "filter": {VERSION: made.version}}
    assert stranger.post("/v2/plugin-exports/", json=body).status_code == 404
    assert viewer.post("/v2/plugin-exports/", json=body).status_code == 403


def test_a_key_keeps_meaning_the_job_that_it_made(client, release, work):
    version = release("v1")
    own = export(client, filter={VERSION: version}, idempotency_key="once")["job_id"]
    # Nobody waits for the snapshot: until it is finished an export is a job of its own.
    assert own != snapshots(client)[0]["job_id"]
    work(snapshots(client)[0]["job_id"])
    assert export(client, filter={VERSION: version}, idempotency_key="once")["job_id"] == own


def test_a_finished_snapshot_can_neither_be_cancelled_nor_built_again(client, made, settings, database):
    before = {path: path.stat().st_mtime_ns for path in made.folder.rglob("*")}
    assert client.post(f"/v2/async-jobs/{made.job_id}/cancel/").status_code == 409
    assert ExportJob(database, settings).build(made.job_id) is None
    assert {path: path.stat().st_mtime_ns for path in made.folder.rglob("*")} == before


def age(database, job_id, **since):
    with database.write() as session:
        session.get_one(AsyncJob, job_id).finished = utc_now() - timedelta(**since)


def test_a_snapshot_outlives_bundles(client, made, housekeeping, database):
    age(database, made.job_id, days=4000)
    housekeeping.purge()
    assert export(client, filter={VERSION: made.version})["job_id"] == made.job_id
    bundle = client.get(f"/v2/async-jobs/{made.job_id}/").json()["data"]["bundle"]
    assert client.get(bundle["base_url"] + "manifest.json").json() == bundle["manifest"]


def test_snapshots_go_after_their_own_time_when_it_is_set(client, made, app, database, queue):
    age(database, made.job_id, days=8)
    limited = app.state.settings.model_copy(update={"snapshot_keep_seconds": 7 * 86_400})
    app.state.settings = limited
    assert export(client, filter={VERSION: made.version})["job_id"] != made.job_id
    Housekeeping(database, limited, queue).purge()
    assert not made.folder.exists()
    job = client.get(f"/v2/async-jobs/{made.job_id}/").json()["data"]
    assert (job["status"], job["bundle"]) == ("SUCCEEDED", None)


def test_a_snapshot_goes_with_its_project(client, made, housekeeping, project):
    assert client.delete(f"/v2/projects/{project['id']}/").status_code == 204
    assert client.get(f"/v2/async-jobs/{made.job_id}/").status_code == 404
    housekeeping.purge()
    assert not made.folder.exists()


def test_a_snapshot_whose_files_are_gone_is_not_given_out(client, made):
    shutil.rmtree(made.folder)
    assert export(client, filter={VERSION: made.version})["job_id"] != made.job_id
    job = client.get(f"/v2/async-jobs/{made.job_id}/").json()["data"]
    assert job["bundle"] is None
    assert "gone" in job["error"]


def test_a_release_without_a_storage_is_a_release(client, release, database):
    with database.write() as session:
        session.query(Storage).update({"is_default": False})
    assert release("v1", files=False)
    assert snapshots(client) == []
