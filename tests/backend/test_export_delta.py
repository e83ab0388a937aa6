"""What has changed since an earlier export: applied to that, it gives a full one."""

import json
import random
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from synapse_sdk.wire.bundle import BundleManifest
from tests.backend.factories import SQLITE_ONLY, boxes, stored
from tests.backend.test_changes import DIRECT
from web_helper.backend.core.problems import ConflictProblem
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.models import WorkStatus
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries import changes

FILTERS = {
    "task": ({}, {"status": "completed"}, {"tags": "a"}, {"search": "name"}, {"user": "1"}, {"ids_ex": "2"}),
    "assignment": ({}, {"status_label": "completed"}, {"tags": "b"}, {"search": "unit"}),
    "ground_truth": ({},),
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"bundle_part_rows": 3})


class Exports:
    def __init__(self, client, settings, database) -> None:
        self.client, self.settings = client, settings
        self.job = ExportJob(database, settings)

    def ask(self, expect: int = 202, **body) -> dict:
        answer = self.client.post("/v2/plugin-exports/", json=body)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def run(self, **body) -> tuple[BundleManifest, dict[int, bytes], list[int]]:
        """Manifest, lines by id, and deleted ids of a new bundle."""
        job_id = self.ask(**body)["data"]["job_id"]
        self.job.finish(job_id, json.loads(json.dumps(self.job.build(job_id))))
        self.job.clean_up(job_id)
        job = self.client.get(f"/v2/async-jobs/{job_id}/").json()["data"]
        assert job["status"] == "SUCCEEDED", job["error"]
        folder = self.settings.storage_dir / job["bundle"]["prefix"]
        manifest = BundleManifest.model_validate_json((folder / "manifest.json").read_bytes())
        assert manifest.model_dump(mode="json") == job["bundle"]["manifest"]
        lines = [line for part in manifest.parts for line in (folder / part.path).read_bytes().splitlines()]
        rows = {json.loads(line)["id"]: line for line in lines}
        assert list(rows) == sorted(rows)
        assert len(rows) == len(lines) == manifest.row_count
        if manifest.deletions is None:
            return manifest, rows, []
        gone = [json.loads(line)["id"] for line in (folder / manifest.deletions.path).read_bytes().splitlines()]
        assert gone == sorted(set(gone))
        assert len(gone) == manifest.deletions.rows
        assert not set(gone) & set(rows)
        return manifest, rows, gone


@pytest.fixture
def exports(client, settings, database):
    return Exports(client, settings, database)


@pytest.fixture
def project(make, client):
    project = make.project()
    tasks = make.tasks(project, 7, files=True, data=boxes("cat"), status=WorkStatus.COMPLETED)
    assignments = make.assignments(project, tasks, user_id=1, data=boxes("cat"), status_label=WorkStatus.COMPLETED)
    make.tag(project, "a", tasks=tasks[:4], assignments=assignments[:2])
    make.tag(project, "b", tasks=tasks[2:6], assignments=assignments[1:5])
    body = {"project": project["id"], "name": "gold"}
    dataset = client.post("/v2/ground-truth-datasets/", json=body).json()["data"]["id"]
    client.post(f"/v2/ground-truth-datasets/{dataset}/collect/", json={})
    return {**project, "dataset": dataset}


def body_of(project, target: str, chosen: dict) -> dict:
    if target == "ground_truth":
        return {"target": target, "filter": {"dataset": project["dataset"], **chosen}}
    return {"target": target, "project": project["id"], "filter": chosen}


def edit(database, chance: random.Random, unit: int) -> None:
    values = {"id": chance.randint(1, 8), "other": chance.randint(1, 8), "name": f"name {unit}", "unit": unit,
              "data": stored(boxes(*["dog"] * chance.randint(0, 3)))}  # fmt: skip
    more = (
        "UPDATE tasks SET status = 'pending' WHERE id IN (:id, :other)",
        "UPDATE tasks SET status = 'completed' WHERE id IN (:id, :other)",
        "UPDATE assignments SET status_label = 'pending', user_id = NULL WHERE id = :id",
        "UPDATE assignments SET status_label = 'completed', user_id = 1 WHERE id IN (:id, :other)",
    )
    for statement in chance.sample(DIRECT + more, 3):
        # Where an edit collides with another, nothing has changed.
        with suppress(ConflictProblem), database.write() as session:
            session.execute(text(statement), {key: value for key, value in values.items() if f":{key}" in statement})


@pytest.mark.parametrize("seed", range(2))
def test_a_delta_applied_to_the_old_export_is_a_full_one(exports, database, project, make, seed):
    chance = random.Random(seed)
    wishes = [body_of(project, target, chosen) for target, filters in FILTERS.items() for chosen in filters]
    held = {}
    for number, body in enumerate(wishes):
        manifest, rows, _ = exports.run(**body)
        held[number] = (manifest.snapshot, rows)
    for _ in range(2):
        for unit in make.units(project, ["spare 1", "spare 2", "spare 3"], files=True):
            edit(database, chance, unit)
        make.assignments(project, make.tasks(project, 2, files=True, status=WorkStatus.COMPLETED), user_id=1)
        for number, body in enumerate(wishes):
            since, rows = held[number]
            delta, news, gone = exports.run(**body, options={"since": since})
            full, expected, _ = exports.run(**body)
            applied = {row_id: line for row_id, line in {**rows, **news}.items() if row_id not in gone}
            assert dict(sorted(applied.items())) == expected, body
            assert (delta.since, delta.snapshot) == (since, full.snapshot)
            held[number] = (delta.snapshot, applied)


def test_a_delta_of_nothing_is_empty_and_says_what_it_is(exports, project):
    body = body_of(project, "task", {})
    full, rows, _ = exports.run(**body)
    delta, news, gone = exports.run(**body, options={"since": full.snapshot})
    assert (news, gone, len(rows)) == ({}, [], 7)
    assert (full.schema_version, delta.schema_version) == (1, 2)
    assert (full.since, full.deletions) == (None, None)
    assert (delta.since, delta.deletions.path) == (full.snapshot, "deletions.jsonl")


def test_rows_of_other_projects_are_not_told(exports, project, make, database):
    body = body_of(project, "task", {})
    full, _, _ = exports.run(**body)
    other = make.tasks(make.project(), 2)
    with database.write() as session:
        session.execute(text("DELETE FROM tasks WHERE id = :id"), {"id": other[0]})
    delta, news, gone = exports.run(**body, options={"since": full.snapshot})
    assert (news, gone, delta.snapshot) == ({}, [], full.snapshot)


def refusal(exports, body, since) -> str:
    error = exports.ask(400, **body, options={"since": since})["error"]
    assert [detail["field"] for detail in error["details"]] == ["options.since"]
    return error["message"]


def test_a_mark_that_would_leave_rows_out_is_refused(exports, project, database):
    body = body_of(project, "task", {})
    mark = exports.run(**body)[0].snapshot
    assert "not the `snapshot`" in refusal(exports, body, "yesterday")
    assert "another target, project or filter" in refusal(exports, {**body, "filter": {"status": "completed"}}, mark)
    assert "another target, project or filter" in refusal(exports, {**body, "target": "assignment"}, mark)
    assert "another installation" in refusal(exports, body, "0" * 12 + mark[12:])
    assert "another installation" in refusal(exports, body, mark[:30] + "9" * 12)
    exports.ask(**{**body, "filter": {"project": [project["id"]]}}, options={"since": mark})
    with database.write() as session:
        session.execute(text("UPDATE tasks SET data = NULL"))
    with database.write() as session:
        changes.add_checkpoint(session)
    with database.write() as session:
        changes.raise_floor(session, utc_now() + timedelta(days=1))
        changes.forget_some(session)
    assert "older than the changes" in refusal(exports, body, mark)


@SQLITE_ONLY  # PostgreSQL gives no id again.
def test_a_mark_of_a_deleted_project_is_none_of_the_project_that_got_its_id(exports, project, client, make):
    mark = exports.run(**body_of(project, "task", {}))[0].snapshot
    assert client.delete(f"/v2/projects/{project['id']}/").status_code == 204
    another = make.project()
    assert another["id"] == project["id"]
    assert "another target, project or filter" in refusal(exports, body_of(another, "task", {}), mark)


@SQLITE_ONLY
def test_a_mark_that_becomes_too_old_while_the_job_waits_fails_it_with_the_reason(exports, project, database, client):
    body = body_of(project, "task", {})
    job_id = exports.ask(**body, options={"since": exports.run(**body)[0].snapshot})["data"]["job_id"]
    with database.write() as session:
        session.execute(text("UPDATE tasks SET data = NULL"))
        changes.add_checkpoint(session)
    with database.write() as session:
        changes.raise_floor(session, utc_now() + timedelta(days=1))
        changes.forget_some(session)
    exports.job.finish(job_id, exports.job.build(job_id))
    job = client.get(f"/v2/async-jobs/{job_id}/").json()["data"]
    assert job["status"] == "FAILED"
    assert "older than the changes" in job["error"]
