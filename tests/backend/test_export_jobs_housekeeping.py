"""What the worker keeps in order: lost rows, abandoned jobs, expired bundles."""

import json
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from tests.backend.factories import boxes
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.jobs.housekeeping import Housekeeping
from web_helper.backend.models import AsyncJob, JobKind
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries import changes
from web_helper.backend.services.exports.job_queue import JobQueue, QueueState


@pytest.fixture
def queue(app, settings):
    queue = JobQueue(settings)
    yield queue
    queue.close()


@pytest.fixture
def housekeeping(database, settings, queue):
    return Housekeeping(database, settings, queue)


@pytest.fixture
def finished(client, make, database, settings):
    """A job with a bundle."""
    project = make.project()
    make.tasks(project, 2, files=True, data=boxes("cat"))
    body = {"target": "task", "project": project["id"], "idempotency_key": "once"}
    job_id = client.post("/v2/plugin-exports/", json=body).json()["data"]["job_id"]
    job = ExportJob(database, settings)
    job.finish(job_id, json.loads(json.dumps(job.build(job_id))))
    return job_id, body


def read(client, job_id):
    return client.get(f"/v2/async-jobs/{job_id}/").json()["data"]


def age(database, job_id, **since):
    with database.write() as session:
        session.get_one(AsyncJob, job_id).finished = utc_now() - timedelta(**since)


def test_a_fresh_bundle_stays(client, settings, housekeeping, finished):
    housekeeping.purge()
    bundle = read(client, finished[0])["bundle"]
    assert (settings.storage_dir / bundle["prefix"] / "manifest.json").exists()


def test_an_expired_bundle_is_deleted_and_the_job_says_so(client, settings, housekeeping, finished, database):
    job_id, body = finished
    originals = sorted((settings.storage_dir / "data").rglob("*.jpg"))
    age(database, job_id, days=2)
    assert read(client, job_id)["bundle"] is None
    housekeeping.purge()
    assert not (settings.storage_dir / "exports" / job_id).exists()
    assert sorted((settings.storage_dir / "data").rglob("*.jpg")) == originals
    job = read(client, job_id)
    assert (job["status"], job["bundle"]) == ("SUCCEEDED", None)
    assert "deleted" in job["error"]
    # The key is free again: an equal request is a new job, not one without a bundle.
    assert client.post("/v2/plugin-exports/", json=body).json()["data"]["job_id"] != job_id


def test_the_link_to_a_bundle_ends_with_the_bundle(client, finished, database):
    job_id, _ = finished
    age(database, job_id, hours=23, minutes=50)
    bundle = read(client, job_id)["bundle"]
    assert bundle["expires_at"] < (utc_now() + timedelta(minutes=11)).isoformat()


def test_a_folder_whose_job_is_gone_is_deleted_and_foreign_folders_stay(settings, housekeeping, finished):
    exports = settings.storage_dir / "exports"
    orphan, foreign = exports / str(uuid.uuid4()), exports / "my-export"
    for folder in (orphan, foreign):
        (folder / "1").mkdir(parents=True)
    housekeeping.purge()
    assert sorted(path.name for path in exports.iterdir()) == sorted([finished[0], "my-export"])


def test_a_row_without_a_workflow_is_enqueued_once(database, housekeeping, queue):
    job_id = str(uuid.uuid4())
    with database.write() as session:
        session.add(AsyncJob(id=job_id, kind="export", params={}))
    assert queue.state_of(job_id) is QueueState.UNKNOWN
    housekeeping.reconcile()
    housekeeping.reconcile()
    assert queue.state_of(job_id) is QueueState.ALIVE


def test_a_row_whose_workflow_was_given_up_is_failed_with_a_message(client, housekeeping, queue, make, database):
    project = make.project()
    job_id = client.post("/v2/plugin-exports/", json={"target": "task", "project": project["id"]}).json()["data"][
        "job_id"
    ]
    queue.enqueue(job_id, JobKind.EXPORT)
    queue.open().cancel_workflow(job_id)
    housekeeping.reconcile()
    job = read(client, job_id)
    assert job["status"] == "FAILED"
    assert "gave this job up" in job["error"]


def test_a_second_run_begins_anew_and_removes_what_the_first_left(client, settings, make, database):
    project = make.project()
    make.tasks(project, 2, data=boxes("cat"))
    answer = client.post("/v2/plugin-exports/", json={"target": "task", "project": project["id"]})
    job_id, job = answer.json()["data"]["job_id"], ExportJob(database, settings)
    lost = job.build(job_id)
    assert lost is not None
    again = job.build(job_id)
    assert again is not None
    # The worker that was thought dead comes back and changes nothing.
    job.finish(job_id, lost)
    assert read(client, job_id)["status"] == "RUNNING"
    job.finish(job_id, again)
    bundle = read(client, job_id)["bundle"]
    assert [path.name for path in (settings.storage_dir / "exports" / job_id).iterdir()] == ["2"]
    assert bundle["prefix"] == f"exports/{job_id}/2"


def test_others_write_while_the_log_of_changes_is_cut(client, make, *, database, housekeeping, monkeypatch):
    """In one transaction, forgetting millions of changes would hold them back for longer than they wait."""
    if database.engine.dialect.name != "sqlite":
        pytest.skip("nobody waits for it on PostgreSQL")
    project = make.project()
    make.tasks(project, 9)
    with database.write() as session:
        changes.add_checkpoint(session)
        first, last = session.execute(text("SELECT min(mark), max(mark) FROM row_changes")).one()
        session.execute(text("UPDATE change_checkpoints SET noted = '2000-01-01 00:00:00'"))
    monkeypatch.setattr(changes, "CHANGES_AT_ONCE", 4)
    left = []

    def pause(_seconds):
        client.patch(f"/v2/projects/{project['id']}/", json={"description": f"{len(left)}"}).raise_for_status()
        with database.read() as session:
            left.append(session.scalar(text("SELECT min(mark) FROM row_changes")))

    monkeypatch.setattr("web_helper.backend.jobs.housekeeping.time", SimpleNamespace(sleep=pause))
    housekeeping.purge()
    assert left[:-1] == [first + 4 * count for count in range(1, len(left))]
    assert len(left) > 2
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM row_changes WHERE mark <= :last"), {"last": last}) == 0
