"""Export jobs from request to bundle, with the worker's code in this process."""

import json
import threading
import uuid

import pytest
from sqlalchemy import text

from synapse_sdk.wire.bundle import BundleManifest
from tests.backend.factories import SQLITE_ONLY, boxes
from web_helper.backend.jobs import bundle_build
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.models import AsyncJob, Role, WorkStatus


@pytest.fixture
def work(database, settings):
    """Does a job as the durable workflow does: build, finish, clean up."""

    def run(job_id: str) -> None:
        job = ExportJob(database, settings)
        built = job.build(job_id)
        if built is not None:
            job.finish(job_id, json.loads(json.dumps(built)))
        job.clean_up(job_id)

    return run


def ask(client, expect: int = 202, **body):
    answer = client.post("/v2/plugin-exports/", json=body)
    assert answer.status_code == expect, answer.text
    return answer.json()["data"] if expect == 202 else answer.json()["error"]


def read(client, job_id: str) -> dict:
    answer = client.get(f"/v2/async-jobs/{job_id}/")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def bundle_of(settings, job: dict):
    folder = settings.storage_dir / job["bundle"]["prefix"]
    manifest = BundleManifest.model_validate_json((folder / "manifest.json").read_bytes())
    rows = [json.loads(line) for part in manifest.parts for line in (folder / part.path).read_bytes().splitlines()]
    return folder, manifest, rows


def count_jobs(database) -> int:
    with database.read() as session:
        return session.execute(text("SELECT count(*) FROM async_jobs")).scalar_one()


@pytest.fixture
def project(make):
    """Five annotated tasks with one image each, two of them completed."""
    project = make.project()
    make.tasks(project, 2, files=True, data=boxes("cat"), status=WorkStatus.COMPLETED)
    make.tasks(project, 3, files=True, data=None)
    return project


def test_a_bundle_holds_the_selected_rows_and_their_files(client, settings, project, work):
    accepted = ask(client, target="task", project=project["id"], filter={"status": "completed"})
    assert accepted["status"] == "QUEUED"
    assert accepted["status_url"] == f"/v2/async-jobs/{accepted['job_id']}/"
    work(accepted["job_id"])
    job = read(client, accepted["job_id"])
    assert (job["status"], job["error"]) == ("SUCCEEDED", None)
    assert job["progress"] == {"processed": 2, "total": 2}
    folder, manifest, rows = bundle_of(settings, job)
    assert (manifest.row_count, manifest.file_count, manifest.missing_files) == (2, 2, 0)
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    for row in rows:
        assert row["data"] == boxes("cat")
        image = row["files_manifest"]["image"]
        assert (folder / image["bundle_path"]).stat().st_size == image["size_bytes"]
        assert image["url"].startswith("http://testserver/")


@SQLITE_ONLY
def test_the_signed_link_fetches_the_bundle_without_a_token(client, project, work, app):
    from starlette.testclient import TestClient

    job_id = ask(client, target="task", project=project["id"])["job_id"]
    work(job_id)
    bundle = read(client, job_id)["bundle"]
    stranger = TestClient(app)
    path = bundle["base_url"].removeprefix("http://testserver") + "manifest.json"
    assert stranger.get(path).json() == bundle["manifest"]
    part = bundle["manifest"]["parts"][0]
    answer = stranger.get(bundle["base_url"].removeprefix("http://testserver") + part["path"])
    assert len(answer.content) == part["size_bytes"]


@SQLITE_ONLY
def test_without_files_the_rows_only_refer_to_them(client, settings, project, work):
    job_id = ask(client, target="task", project=project["id"], options={"include_files": False})["job_id"]
    work(job_id)
    folder, manifest, rows = bundle_of(settings, read(client, job_id))
    assert (manifest.row_count, manifest.file_count, manifest.missing_files) == (5, 0, 0)
    assert {row["files_manifest"]["image"]["bundle_path"] for row in rows} == {None}
    assert not (folder / "files").exists()


@SQLITE_ONLY
def test_a_missing_original_does_not_end_the_job(client, settings, project, work):
    next(path for path in (settings.storage_dir / "data").rglob("*.jpg")).unlink()
    job_id = ask(client, target="task", project=project["id"])["job_id"]
    work(job_id)
    job = read(client, job_id)
    assert job["status"] == "SUCCEEDED"
    assert (job["bundle"]["manifest"]["missing_files"], job["bundle"]["manifest"]["file_count"]) == (1, 4)


def test_equal_input_gives_equal_bytes(client, settings, project, work):
    contents = []
    for _ in range(2):
        job_id = ask(client, target="task", project=project["id"], filter={"ids_ex": "1"})["job_id"]
        work(job_id)
        folder, _, _ = bundle_of(settings, read(client, job_id))
        contents.append(
            {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        )
    assert contents[0] == contents[1]
    assert len(contents[0]) > 3


def test_a_finished_job_that_is_run_again_keeps_its_bundle(client, settings, project, work):
    job_id = ask(client, target="task", project=project["id"])["job_id"]
    work(job_id)
    before = read(client, job_id)
    work(job_id)
    after = read(client, job_id)
    assert after["bundle"]["manifest"] == before["bundle"]["manifest"]
    bundle_of(settings, after)


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"target": "task", "filter": {"colour": "red"}}, "filter.colour"),
        ({"target": "task", "filter": {"ids": "one"}}, "filter.ids"),
        ({"target": "task", "filter": {"status": "done"}}, "filter.status"),
        ({"target": "ground_truth", "filter": {"status": "completed"}}, "filter.status"),
        ({"target": "ground_truth", "filter": {}}, "filter.ground_truth_dataset_version"),
        ({"target": "image", "filter": {}}, "target"),
        ({"target": "task", "filter": {}, "color": 1}, "color"),
        ({"target": "task", "filter": {"project": 999}}, "filter.project"),
        ({"target": "task", "project": None, "filter": {}}, "project"),
    ],
)
def test_a_request_that_cannot_work_is_refused_before_a_job_exists(client, database, project, body, field):
    body = {"project": project["id"], **body}
    if body["target"] == "ground_truth":
        del body["project"]
    error = ask(client, 400, **body)
    assert error["code"] == "VALIDATION_ERROR"
    assert [detail["field"] for detail in error["details"]] == [field]
    assert count_jobs(database) == 0


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("role", "status"), [(None, 404), (Role.VIEWER, 403), (Role.ANNOTATOR, 403), (Role.MANAGER, 202), (Role.ADMIN, 202)]
)
def test_only_managers_of_the_project_export_from_it(make, project, role, status):
    _, client = make.user(project=project, role=role)
    body = {"target": "task", "project": project["id"]}
    assert client.post("/v2/plugin-exports/", json=body).status_code == status


@SQLITE_ONLY
def test_a_key_that_may_only_read_starts_nothing(make, project):
    _, client = make.user(project=project, role=Role.MANAGER, scopes=["read"])
    assert client.post("/v2/plugin-exports/", json={"target": "task", "project": project["id"]}).status_code == 403


def test_jobs_are_shown_only_where_their_data_may_be_exported(client, make, project):
    job_id = ask(client, target="task", project=project["id"])["job_id"]
    _, manager = make.user(project=project, role=Role.MANAGER)
    _, viewer = make.user(project=project, role=Role.VIEWER)
    assert [job["job_id"] for job in manager.get("/v2/async-jobs/").json()["data"]] == [job_id]
    assert viewer.get("/v2/async-jobs/").json()["data"] == []
    for path in ("", "progress/"):
        assert viewer.get(f"/v2/async-jobs/{job_id}/{path}").status_code == 404
    assert viewer.post(f"/v2/async-jobs/{job_id}/cancel/").status_code == 404


def test_the_list_of_jobs_honours_its_filters(client, make, project, work):
    other = make.project()
    done = ask(client, target="task", project=project["id"])["job_id"]
    waiting = ask(client, target="assignment", project=other["id"])["job_id"]
    work(done)

    def ids(query):
        answer = client.get(f"/v2/async-jobs/?{query}")
        assert answer.status_code == 200, answer.text
        return [job["job_id"] for job in answer.json()["data"]]

    assert ids("") == [waiting, done]
    assert ids("status=SUCCEEDED") == [done]
    assert ids(f"project={other['id']}") == [waiting]
    assert ids(f"ids={done}") == [done]
    assert ids(f"ids_ex={done}") == [waiting]
    assert ids("kind=export&search=xpor") == [waiting, done]
    assert client.get("/v2/async-jobs/?state=QUEUED").status_code == 400


def test_equal_keys_make_one_job_and_another_wish_is_refused(client, make, project, database):
    body = {"target": "task", "project": project["id"], "idempotency_key": "nightly"}
    first, second = ask(client, **body), ask(client, **body)
    assert first["job_id"] == second["job_id"]
    assert ask(client, 409, **{**body, "filter": {"ids": [1]}})["code"] == "CONFLICT"
    _, other = make.user(project=project, role=Role.MANAGER)
    assert ask(other, **body)["job_id"] != first["job_id"]
    assert count_jobs(database) == 2


def test_equal_keys_at_the_same_moment_make_one_job(client, project, database):
    body = {"target": "task", "project": project["id"], "idempotency_key": "race"}
    gate, answers = threading.Barrier(8), []

    def post():
        gate.wait()
        answers.append(client.post("/v2/plugin-exports/", json=body))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [202] * 8
    assert len({answer.json()["data"]["job_id"] for answer in answers}) == 1
    assert count_jobs(database) == 1


def test_a_waiting_job_is_cancelled_at_once_and_never_runs(client, settings, project, work):
    job_id = ask(client, target="task", project=project["id"])["job_id"]
    answer = client.post(f"/v2/async-jobs/{job_id}/cancel/")
    assert answer.json()["data"]["status"] == "CANCELLED"
    work(job_id)
    assert read(client, job_id)["status"] == "CANCELLED"
    assert not (settings.storage_dir / "exports" / job_id).exists()
    assert client.post(f"/v2/async-jobs/{job_id}/cancel/").status_code == 200


@SQLITE_ONLY
def test_a_job_that_has_ended_cannot_be_cancelled(client, project, work):
    job_id = ask(client, target="task", project=project["id"])["job_id"]
    work(job_id)
    assert client.post(f"/v2/async-jobs/{job_id}/cancel/").status_code == 409


@SQLITE_ONLY
def test_an_unknown_job_is_not_found(client):
    assert client.get(f"/v2/async-jobs/{uuid.uuid4()}/").status_code == 404


@SQLITE_ONLY
def test_a_failure_is_told_without_paths_and_leaves_nothing(client, settings, project, work, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", str(settings.storage_dir / "exports"))

    monkeypatch.setattr("web_helper.backend.jobs.bundle_build.write_manifest", full)
    job_id = ask(client, target="task", project=project["id"])["job_id"]
    work(job_id)
    job = read(client, job_id)
    assert (job["status"], job["bundle"]) == ("FAILED", None)
    assert "full" in job["error"]
    assert "/" not in job["error"]
    assert not (settings.storage_dir / "exports" / job_id).exists()


@SQLITE_ONLY
def test_progress_is_streamed_until_the_end(client, project, work):
    job_id = ask(client, target="task", project=project["id"])["job_id"]
    work(job_id)
    with client.stream("GET", f"/v2/async-jobs/{job_id}/progress/") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    assert lines[0].startswith("event: completed") or lines[0].startswith("id:")
    data = json.loads(next(line for line in lines if line.startswith("data:")).removeprefix("data: "))
    assert (data["event"], data["processed"], data["total"]) == ("completed", 5, 5)


def test_rows_come_from_the_moment_the_scan_began(client, make, project, work, monkeypatch):
    real = bundle_build.plan_build

    def plan_and_change(*arguments):
        plan = real(*arguments)
        with client.app.state.database.write() as session:
            session.execute(text("UPDATE tasks SET data = '{\"annotations\":[]}'"))
        make.tasks(project, 3)
        return plan

    monkeypatch.setattr(bundle_build, "plan_build", plan_and_change)
    job_id = ask(client, target="task", project=project["id"], filter={"status": "completed"})["job_id"]
    work(job_id)
    _, manifest, rows = bundle_of(make.settings, read(client, job_id))
    assert manifest.row_count == 2
    assert [row["data"] for row in rows] == [boxes("cat")] * 2


def test_a_job_of_a_deleted_project_ends_quietly(client, project, work, database):
    job_id = ask(client, target="task", project=project["id"])["job_id"]
    with database.write() as session:
        session.delete(session.get_one(AsyncJob, job_id))
    work(job_id)
