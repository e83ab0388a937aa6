"""The first page's summary: what runs, what failed, what waits, each only to those who may see it."""

from datetime import timedelta

import pytest
import sqlalchemy

from synapse_sdk.wire.experiments import ExperimentStatus
from synapse_sdk.wire.jobs import AsyncJobStatus, JobStatus
from web_helper.backend.models import (
    AsyncJob,
    Device,
    DeviceConflict,
    Experiment,
    ExperimentComponentSet,
    ExperimentSubmission,
    Job,
    JobKind,
    Role,
)
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries import home as queries

LONG_AGO = utc_now() - timedelta(days=40)


def read_home(client):
    answer = client.get("/v2/home/")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.fixture
def add(database):
    """Adds rows in one transaction."""

    def add(*rows):
        with database.write() as session:
            session.add_all(rows)

    return add


def export(number, project, **fields):
    return AsyncJob(
        id=f"export-{number}", kind=JobKind.EXPORT, project_id=project["id"], params={"target": "task"}, **fields
    )


def experiments(*statuses, **fields):
    """The rows that experiments in these states need."""
    submission = ExperimentSubmission(file="a.yaml", config="", grid_size=1, id=1)
    frozen = ExperimentComponentSet(sha256="0" * 64, components={})
    runs = [
        Experiment(
            uid=f"run-{number}",
            submission_id=1,
            name=f"run {number}",
            project="p",
            status=status,
            rank=2,
            config="",
            config_sha256="0" * 64,
            component_set="0" * 64,
            **fields,
        )
        for number, status in enumerate(statuses)
    ]
    return [submission, frozen], runs


def test_an_empty_platform_has_nothing_but_its_storage(client):
    home = read_home(client)
    assert home["running"] == home["failed"] == []
    assert {
        home[name]["value"] for name in ("projects", "tasks", "experiments", "plugins", "conflicts", "reviews")
    } == {0}
    (storage,) = home["storages"]
    assert storage["name"] == "default"
    assert storage["used_bytes"] == 0
    assert 0 < storage["free_bytes"] <= storage["total_bytes"]


def test_what_runs_and_what_failed_lately_is_told_of_every_kind(client, make, add):
    project = make.project()
    add(
        export(1, project, status=AsyncJobStatus.RUNNING, processed=3, total=9),
        export(2, project, status=AsyncJobStatus.FAILED, error="The storage is full."),
        export(3, project, status=AsyncJobStatus.FAILED, created=LONG_AGO),
        export(4, project, status=AsyncJobStatus.SUCCEEDED),
        Job(id="job-1", action="train", status=JobStatus.RUNNING),
        Job(id="job-2", action="train", status=JobStatus.FAILED, error="No GPU."),
        Job(id="job-3", action="train", status=JobStatus.FAILED, created=LONG_AGO),
    )
    needed, runs = experiments(
        ExperimentStatus.QUEUED, ExperimentStatus.RUNNING, ExperimentStatus.CRASHED, ExperimentStatus.COMPLETED
    )
    add(*needed)
    add(*runs)
    home = read_home(client)
    assert {item["id"] for item in home["running"]} == {"export-1", "job-1", "run-0", "run-1"}
    assert {item["id"] for item in home["failed"]} == {"export-2", "job-2", "run-2"}
    of_export = next(item for item in home["running"] if item["id"] == "export-1")
    assert (of_export["kind"], of_export["status"]) == ("export", "running")
    assert (of_export["title"], of_export["processed"], of_export["total"]) == ("task", 3, 9)
    assert {item["error"] for item in home["failed"]} == {"The storage is full.", "No GPU.", None}
    created = [item["created"] for item in home["running"]]
    assert created == sorted(created, reverse=True)


def test_a_bundle_is_not_told_beside_the_export_that_takes_it(client, make, add):
    project = make.project()
    packed = {"project_id": project["id"], "kind": JobKind.DATASET, "params": {"target": "task"}}
    for number, status in enumerate((AsyncJobStatus.RUNNING, AsyncJobStatus.FAILED), 1):
        taken, alone = export(number, project, status=status), export(number + 10, project, status=status)
        add(taken, alone, AsyncJob(id=f"packed-{number}", status=status, bundle_job_id=taken.id, **packed))
    home = read_home(client)
    assert {item["id"] for item in home["running"]} == {"packed-1", "export-11"}
    assert {item["id"] for item in home["failed"]} == {"packed-2", "export-12"}


def test_of_each_kind_only_a_few_are_told_and_running_experiments_come_before_waiting_ones(client, add):
    needed, runs = experiments(ExperimentStatus.RUNNING, *[ExperimentStatus.QUEUED] * 9)
    add(*needed)
    add(*runs)
    running = read_home(client)["running"]
    assert len(running) == queries.LISTED
    assert "run-0" in {item["id"] for item in running}


def test_conflicts_and_reviews_are_counted_while_they_wait(client, make, add, database):
    project = make.project()
    tasks = make.tasks(project, 4)
    make.assignments(project, tasks[:2], status_label="completed")
    make.assignments(project, tasks[2:3], status_label="completed", status_review="approved")
    make.assignments(project, tasks[3:], status_label="in_progress")
    add(Device(id=1, host_id="gpu-1"))
    add(*(DeviceConflict(device_id=1, fingerprint=str(n), path=f"{n}.py", conflict_type="both") for n in range(3)))
    home = read_home(client)
    assert (home["conflicts"]["value"], home["reviews"]["value"]) == (3, 2)
    client.post("/v2/assignments/1/review/", json={"status": "approved"})
    with database.write() as session:
        session.execute(sqlalchemy.text("UPDATE device_conflicts SET status = 'resolved' WHERE id = 1"))
    home = read_home(client)
    assert (home["conflicts"]["value"], home["reviews"]["value"]) == (2, 1)


@pytest.mark.parametrize(
    ("role", "seen"),
    [(None, (0, 0, 0)), (Role.VIEWER, (1, 2, 0)), (Role.ANNOTATOR, (1, 2, 0)), (Role.MANAGER, (1, 2, 2))],
)
def test_other_peoples_projects_do_not_count(make, role, seen):
    project = make.project()
    make.assignments(project, make.tasks(project, 2), status_label="completed")
    _, theirs = make.user(project=project, role=role)
    home = read_home(theirs)
    assert tuple(home[name]["value"] for name in ("projects", "tasks", "reviews")) == seen


def test_other_peoples_exports_and_runs_are_not_told(client, make, add):
    project = make.project()
    _, viewer = make.user(project=project, role=Role.VIEWER)
    manager_id, manager = make.user(project=project, role=Role.MANAGER)
    add(export(1, project, status=AsyncJobStatus.RUNNING), Job(id="job-1", action="a", status=JobStatus.RUNNING))
    add(Job(id="job-2", action="a", status=JobStatus.FAILED, user_id=manager_id))
    assert read_home(viewer)["running"] == read_home(viewer)["failed"] == []
    assert [item["id"] for item in read_home(manager)["running"]] == ["export-1"]
    assert [item["id"] for item in read_home(manager)["failed"]] == ["job-2"]


def test_bytes_of_files_are_summed_by_storage(client, make):
    make.tasks(make.project(), 3, files=True)
    assert read_home(client)["storages"][0]["used_bytes"] == sum(len(f"bytes of {n}") for n in (1, 2, 3))


def test_counting_stops(client, make, monkeypatch):
    monkeypatch.setattr(queries, "COUNTED", 2)
    make.tasks(make.project(), 3)
    assert read_home(client)["tasks"] == {"value": 2, "is_more": True}


def test_without_a_token_nothing_is_told(client):
    assert client.get("/v2/home/", headers={"Authorization": ""}).status_code == 401


def test_what_waits_for_review_is_found_in_its_own_index(database, client):
    with database.read() as session:
        if session.get_bind().dialect.name != "sqlite":
            pytest.skip("PostgreSQL reads an empty table whole")
        statement = (
            "EXPLAIN QUERY PLAN SELECT id FROM assignments WHERE status_label = 'completed' "
            "AND status_review = 'pending' AND is_discarded IS 0"
        )
        plan = " ".join(str(row) for row in session.execute(sqlalchemy.text(statement)))
    assert "ix_assignments_to_review" in plan
