"""Exports that the platform converts: asked for, previewed, carried out, cancelled, taken up again."""

import hashlib
import io
import json
import socket
import threading
import zipfile
from datetime import timedelta
from types import SimpleNamespace

import pytest
import uvicorn
from sqlalchemy import text

from synapse_sdk.wire.jobs import AsyncJobStatus
from tests.backend.factories import SQLITE_ONLY, boxes
from tests.middleend.kit import until
from web_helper.backend.jobs.conversion.dataset_job import DatasetJob
from web_helper.backend.jobs.conversion.kinds import Jobs
from web_helper.backend.jobs.housekeeping import Housekeeping
from web_helper.backend.models import AsyncJob, Role
from web_helper.backend.queries.async_jobs import JobEnd, begin_attempt
from web_helper.backend.services.exports.job_queue import JobQueue

STEPS = [
    "initialize", "fetch_results", "prepare_export", "delegate_enqueue", "delegate_stream_progress", "bundle_read",
    "convert_data", "save_files", "finalize", "archive",
]  # fmt: skip


@pytest.fixture
def project(make):
    """Four annotated tasks with one image each."""
    project = make.project()
    make.tasks(project, 3, files=True, data=boxes("cat", "dog"))
    make.tasks(
        project,
        1,
        files=True,
        data={"annotations": [{"id": 1, "type": "bbox", "category": "fish", "bbox": [1, 2, 3, 4]}]},
    )
    return project


@pytest.fixture
def served(app):
    """The app on a port of its own: the converting process is another one and speaks HTTP."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def platform(database, settings, served):
    """`work(job_id)` does one job as a worker does; bundles are made beside it, as the other queue's would be."""
    jobs = Jobs(database, settings.model_copy(update={"base_url": served}))
    stop = threading.Event()

    def work(job_id: str) -> None:
        built = jobs.build(job_id)
        if built is not None:
            jobs.finish(job_id, json.loads(json.dumps(built)))
        jobs.clean_up(job_id)

    def make_bundles() -> None:
        while not stop.wait(0.05):
            for job_id in queued(database) if platform.makes_bundles else []:
                work(job_id)

    platform = SimpleNamespace(work=work, makes_bundles=True)
    thread = threading.Thread(target=make_bundles)
    thread.start()
    yield platform
    stop.set()
    thread.join()


def queued(database, kind: str = "export") -> list[str]:
    with database.read() as session:
        found = session.query(AsyncJob.id).filter_by(kind=kind, status="QUEUED").all()
    return [row[0] for row in found]


def ask(client, expect: int = 202, path: str = "", **body):
    answer = client.post(f"/v2/dataset-exports/{path}", json={"target": "task", "format": "coco", **body})
    assert answer.status_code == expect, answer.text
    return answer.json()["data"] if expect < 400 else answer.json()["error"]


def read(client, job_id: str) -> dict:
    answer = client.get(f"/v2/async-jobs/{job_id}/")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def archive_of(client, job: dict) -> zipfile.ZipFile:
    answer = client.get(job["archive"]["url"].removeprefix("http://testserver"))
    assert answer.status_code == 200, answer.text
    assert hashlib.sha256(answer.content).hexdigest() == job["archive"]["sha256"]
    return zipfile.ZipFile(io.BytesIO(answer.content))


def test_a_job_makes_an_archive_and_tells_all_its_steps(client, project, platform, database):
    job_id = ask(client, project=project["id"], name="birds of today")["job_id"]
    platform.work(job_id)
    job = read(client, job_id)
    assert (job["status"], job["error"]) == ("SUCCEEDED", None)
    assert [step["name"] for step in job["steps"]] == STEPS
    by_name = {step["name"]: step["status"] for step in job["steps"]}
    assert [by_name[name] for name in STEPS] == ["skipped"] * 3 + ["done"] * 7
    assert {step["percent"] for step in job["steps"]} == {100}

    with archive_of(client, job) as archive:
        document = json.loads(archive.read("annotations.json"))
        sums = dict(reversed(line.split("  ")) for line in archive.read("SHA256SUMS").decode().splitlines())
        assert {name: hashlib.sha256(archive.read(name)).hexdigest() for name in sums} == sums
        assert set(archive.namelist()) == {*sums, "SHA256SUMS"}
    assert (len(document["images"]), len(document["annotations"])) == (4, 6)
    report = job["archive"]["report"]
    assert (report["exported"], report["validation"]["ok"]) == (4, True)
    assert [loss["reason_code"] for loss in report["losses"]] == ["unknown_class"]
    assert job["archive"]["name"] == "birds of today.zip"
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM tokens WHERE name LIKE 'export %'")).scalar_one() == 0


@SQLITE_ONLY
def test_the_events_of_a_job_carry_its_steps(client, project, platform):
    job_id = ask(client, project=project["id"], format="yolo", images="none")["job_id"]
    platform.work(job_id)
    lines = client.get(f"/v2/async-jobs/{job_id}/progress/").text.splitlines()
    event = json.loads(lines[2].removeprefix("data: "))
    assert lines[1] == "event: completed"
    assert [step["name"] for step in event["steps"]] == STEPS


@SQLITE_ONLY
def test_equal_exports_give_equal_archives(client, project, platform):
    sums = set()
    for _ in range(2):
        job_id = ask(client, project=project["id"], name="same", format="voc", split={"train": 0.5, "val": 0.5})[
            "job_id"
        ]
        platform.work(job_id)
        sums.add(read(client, job_id)["archive"]["sha256"])
    assert len(sums) == 1


@SQLITE_ONLY
def test_an_export_that_failed_says_why_and_is_resumed_with_its_bundle(client, project, platform, database, settings):
    job_id = ask(client, project=project["id"], strict=True)["job_id"]
    platform.work(job_id)
    job = read(client, job_id)
    assert (job["status"], job["archive"]) == ("FAILED", None)
    assert "strict" in job["error"]
    assert str(settings.home) not in job["error"]
    assert "failed" in {step["status"] for step in job["steps"]}
    with database.write() as session:
        row = session.get_one(AsyncJob, job_id)
        row.params = {**row.params, "strict": False}
        bundle = row.bundle_job_id

    resumed = ask(client, path=f"{job_id}/resume/")["job_id"]
    platform.work(resumed)
    job = read(client, resumed)
    assert (job["status"], job["params"]["resumes"]) == ("SUCCEEDED", job_id)
    with database.read() as session:
        assert session.get_one(AsyncJob, resumed).bundle_job_id == bundle
    assert ask(client, 409, path=f"{resumed}/resume/")["code"] == "CONFLICT"


@SQLITE_ONLY
def test_home_tells_of_it_as_an_export_by_its_name(client, project):
    ask(client, project=project["id"], name="birds of today")
    running = client.get("/v2/home/").json()["data"]["running"]
    assert [(item["kind"], item["title"]) for item in running] == [("export", "birds of today")]


@SQLITE_ONLY
def test_an_archive_is_deleted_when_its_time_is_over(client, project, platform, database, settings):
    job_id = ask(client, project=project["id"], images="none")["job_id"]
    platform.work(job_id)
    with database.write() as session:
        session.get_one(AsyncJob, job_id).finished -= timedelta(seconds=settings.bundle_keep_seconds + 1)
    assert read(client, job_id)["archive"] is None
    Housekeeping(database, settings, JobQueue(settings)).purge()
    job = read(client, job_id)
    assert (job["status"], job["archive"]) == ("SUCCEEDED", None)
    assert not list((settings.storage_dir / "exports" / job_id).rglob("*.zip"))


@SQLITE_ONLY
def test_what_a_dead_worker_left_is_deleted_when_its_job_has_ended(client, project, database, settings):
    ended, waiting = (ask(client, project=project["id"])["job_id"] for _ in range(2))
    assert client.post(f"/v2/async-jobs/{ended}/cancel/").status_code == 200
    folders = {job_id: settings.home / "conversions" / job_id / "1" for job_id in (ended, waiting)}
    for folder in folders.values():
        folder.mkdir(parents=True)
    Housekeeping(database, settings, JobQueue(settings)).purge()
    assert (folders[ended].exists(), folders[waiting].exists()) == (False, True)


@SQLITE_ONLY
def test_a_worker_that_was_thought_dead_leaves_its_successors_work_and_key(client, project, database, settings):
    job_id = ask(client, project=project["id"])["job_id"]
    folder = settings.home / "conversions" / job_id
    first, second = DatasetJob(database, settings), DatasetJob(database, settings)

    def be_overtaken(_attempt):
        with database.write() as session:
            second._prepare(session, begin_attempt(session, job_id), folder / "2")
        for name in ("1", "2"):
            (folder / name).mkdir(parents=True)
        return JobEnd(AsyncJobStatus.FAILED)

    first._attempt = be_overtaken
    first.build(job_id)

    assert [path.name for path in folder.iterdir()] == ["2"]
    with database.read() as session:
        assert session.get_one(AsyncJob, job_id).token_id is not None


def test_what_breaks_its_formats_rules_is_told_by_the_names_of_the_archive(client, project, platform):
    job_id = ask(client, project=project["id"], format="yolo", options={"task": "pose"}, images="none")["job_id"]
    platform.work(job_id)
    job = read(client, job_id)
    assert job["status"] == "FAILED"
    assert "data.yaml" in job["error"]
    assert "/" not in job["error"].partition("data.yaml")[0]


@SQLITE_ONLY
def test_a_cancelled_job_ends_its_process_and_leaves_nothing(client, project, platform, database, settings):
    """Its bundle is not made, so that it waits for as long as the test needs."""
    platform.makes_bundles = False
    job_id = ask(client, project=project["id"])["job_id"]
    thread = threading.Thread(target=platform.work, args=(job_id,))
    thread.start()
    until(lambda: running_step(client, job_id) == "delegate_stream_progress")
    assert client.post(f"/v2/async-jobs/{job_id}/cancel/").status_code == 200
    thread.join()
    job = read(client, job_id)
    assert (job["status"], job["archive"]) == ("CANCELLED", None)
    with database.read() as session:
        bundle = session.get_one(AsyncJob, job_id).bundle_job_id
    assert read(client, bundle)["status"] == "CANCELLED"
    assert not list((settings.home / "conversions").glob("*"))
    assert not (settings.storage_dir / "exports" / job_id).exists()


def running_step(client, job_id: str) -> str | None:
    steps = read(client, job_id)["steps"] or []
    return next((step["name"] for step in steps if step["status"] == "running"), None)


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"project": None}, "project"),
        ({"format": "pdf"}, "format"),
        ({"options": {"task": "dance"}}, "options"),
        ({"options": {"mode": 1}}, "options"),
        ({"split": {"train": 0.5, "val": 0.1}}, "split"),
        ({"split": {"a b": 1.0}}, "split"),
        ({"shard_items": 10}, "shard_items"),
        ({"storage": 99}, "storage"),
        ({"name": "../up"}, "name"),
    ],
)
@pytest.mark.parametrize("path", ["", "preview/"])
def test_what_cannot_work_is_refused_at_its_field(client, project, body, field, path):
    error = ask(client, 400, path=path, **{"project": project["id"], **body})
    assert [detail["field"] for detail in error["details"]] == [field]
    assert client.get("/v2/async-jobs/").json()["data"] == []


@SQLITE_ONLY
@pytest.mark.parametrize(("role", "status"), [(None, 404), (Role.VIEWER, 403), (Role.MANAGER, 202)])
def test_only_managers_of_the_project_export_from_it(make, project, role, status):
    _, client = make.user(project=project, role=role)
    body = {"target": "task", "project": project["id"], "format": "coco"}
    assert client.post("/v2/dataset-exports/", json=body).status_code == status
    preview = 200 if status == 202 else status
    assert client.post("/v2/dataset-exports/preview/", json=body).status_code == preview


@pytest.mark.parametrize(
    ("fmt", "path", "words"),
    [
        ("coco", "annotations.json", '"cat"'),
        ("yolo", "data.yaml", "cat"),
        ("voc", None, "<name>cat</name>"),
        ("csv", None, "cat"),
        ("jsonl", None, "cat"),
    ],
)
def test_the_preview_counts_and_shows_the_first_item_converted(client, project, fmt, path, words):
    shown = ask(client, 200, path="preview/", project=project["id"], format=fmt)
    assert shown["count"] == 4
    texts = {file["path"]: file["text"] for file in shown["files"]}
    assert words in (texts[path] if path else "".join(text or "" for text in texts.values()))


@SQLITE_ONLY
def test_the_preview_of_nothing_is_a_count_of_zero(client, project):
    shown = ask(client, 200, path="preview/", project=project["id"], filter={"ids": [99999]})
    assert (shown["count"], shown["files"]) == (0, [])


@SQLITE_ONLY
@pytest.mark.parametrize("fmt", ["parquet", "webdataset"])
def test_the_preview_of_a_binary_format_names_its_files(client, project, fmt):
    pytest.importorskip("pyarrow")
    shown = ask(client, 200, path="preview/", project=project["id"], format=fmt)
    assert shown["count"] == 4


@SQLITE_ONLY
def test_the_job_names_the_command_that_does_the_same(client, project):
    body = {"format": "yolo", "options": {"task": "segment"}, "filter": {"status": "completed", "ids": [1, 2]}}
    job_id = ask(client, project=project["id"], split={"train": 0.9, "val": 0.1}, images="none", **body)["job_id"]
    assert read(client, job_id)["command"] == (
        f"synapse export --project {project['id']} --target task --filter status=completed --filter ids=1,2 "
        f"--format yolo --out . --name '{project['name']}-yolo' --task segment --images none --split 0.9,0.1"
    )
