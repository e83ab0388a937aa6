"""Pre-annotation runs: what goes in once, what is refused by itself, where it came from, and how a run is taken back."""

import base64
import hashlib
import json
import threading

import pytest
from sqlalchemy import func, select

from tests.backend.factories import boxes, stored
from web_helper.backend.models import DataFile, DataUnitFile, PreAnnotation, Role, Task
from web_helper.backend.services.data.objects import path_of_content

CAT, DOG = boxes("cat"), boxes("dog")


def begin(client, project, run_id="run-1", **facts):
    body = {
        "id": run_id,
        "project": project["id"],
        "method": "file",
        "specification": "labels",
        "producer": "p@1",
    } | facts
    return client.post("/pre_annotation_runs/", json=body)


def submit(client, items, run_id="run-1", version="a" * 64):
    rows = [{"task": task, "version": version, "data": data} for task, data in items]
    answer = client.post(f"/pre_annotation_runs/{run_id}/results/", json={"items": rows})
    assert answer.status_code == 200, answer.text
    return [row["status"] for row in answer.json()]


def undo(client, run_id="run-1"):
    answer = client.post(f"/v2/pre-annotation-runs/{run_id}/undo/", json={})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"].pop("next_after_id", None) is None
    return {name: answer.json()["data"][name] for name in ("restored", "kept")}


def task(client, task_id):
    row = client.get(f"/v2/tasks/{task_id}/").json()["data"]
    return row["data"], row["status"]


@pytest.fixture
def project(make):
    return make.project()


@pytest.fixture
def run(client, project):
    assert begin(client, project).status_code == 201


def test_results_become_the_data_of_tasks_and_leave_their_status(client, make, project, run):
    first, second = make.tasks(project, 2)
    assert submit(client, [(first, CAT), (second, DOG)]) == ["annotated", "annotated"]
    assert task(client, first) == (CAT, "pending")
    assert task(client, second) == (DOG, "pending")


def test_results_are_kept_in_the_one_spelling_of_stored_data(client, make, project, run):
    (only,) = make.tasks(project, 1)
    odd = json.dumps(CAT).replace("cat", "c\\u0061t").replace("2.5", "2.50").replace(", ", " ,\n ")
    body = f'{{"items": [{{"task": {only}, "version": "{"a" * 64}", "data": {odd}}}]}}'
    answer = client.post("/pre_annotation_runs/run-1/results/", content=body)
    assert answer.status_code == 200, answer.text
    with make.database.read() as session:
        assert session.scalar(select(Task.data).where(Task.id == only)) == stored(CAT)


def test_the_same_batch_again_writes_nothing(client, make, project, run):
    (only,) = make.tasks(project, 1)
    submit(client, [(only, CAT)])
    assert submit(client, [(only, DOG)]) == ["exists"]
    assert task(client, only)[0] == CAT


def test_another_run_with_the_same_version_writes_nothing(client, make, project, run):
    (only,) = make.tasks(project, 1)
    submit(client, [(only, CAT)])
    begin(client, project, "run-2")
    assert submit(client, [(only, DOG)], "run-2") == ["exists"]


def test_one_bad_result_loses_only_itself(client, make, project, run):
    tasks = make.tasks(project, 5)
    other = make.tasks(make.project(), 1)[0]
    bad = {"annotations": [{"category": "cat", "bbox": "?"}]}
    rows = [
        (tasks[0], CAT),
        (tasks[1], bad),
        (tasks[2], boxes("zebra")),
        (other, CAT),
        (10**9, CAT),
        (tasks[0], DOG),
        (tasks[4], DOG),
    ]
    items = [{"task": number, "data": data} for number, data in rows]
    answers = client.post("/pre_annotation_runs/run-1/results/", json={"items": items}).json()
    assert [row["status"] for row in answers] == ["annotated", *["refused"] * 5, "annotated"]
    assert [row["task"] for row in answers] == [number for number, _ in rows]
    assert "bbox" in answers[1]["error"]
    assert "'zebra' is no class of this project" in answers[2]["error"]
    assert answers[3]["error"] == f"There is no task {other} in project {project['id']}."
    assert answers[5]["error"] == "The task is twice in this batch."
    assert [task(client, number)[0] for number in tasks] == [CAT, None, None, None, DOG]


def test_work_of_people_is_never_replaced(client, make, project, run):
    (done,) = make.tasks(project, 1, data=CAT, status="completed")
    answers = client.post("/pre_annotation_runs/run-1/results/", json={"items": [{"task": done, "data": DOG}]}).json()
    assert answers[0]["error"] == "People have worked on this task; their annotations were kept."
    assert task(client, done)[0] == CAT


def test_two_workers_with_one_batch_annotate_each_task_once(client, make, project, run):
    tasks = make.tasks(project, 50)
    answers = []
    workers = [
        threading.Thread(target=lambda: answers.append(submit(client, [(number, CAT) for number in tasks])))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(status for answer in answers for status in answer) == ["annotated"] * 50 + ["exists"] * 150
    with make.database.read() as session:
        assert session.scalar(select(func.count()).select_from(PreAnnotation)) == 50


def test_undo_restores_what_nobody_touched_and_keeps_what_people_changed(client, make, project, run):
    fresh, older, edited, confirmed = make.tasks(project, 4)
    client.patch(f"/v2/tasks/{older}/", json={"data": DOG})
    submit(client, [(number, CAT) for number in (fresh, older, edited, confirmed)])
    client.patch(f"/v2/tasks/{edited}/", json={"data": boxes("cat", "dog")})
    client.patch(f"/v2/tasks/{confirmed}/", json={"status": "completed"})

    assert undo(client) == {"restored": 2, "kept": 2}

    assert [task(client, number)[0] for number in (fresh, older, edited, confirmed)] == [
        None,
        DOG,
        boxes("cat", "dog"),
        CAT,
    ]
    assert undo(client) == {"restored": 0, "kept": 2}


def test_an_undone_run_takes_no_more_and_its_tasks_can_be_annotated_anew(client, make, project, run):
    (only,) = make.tasks(project, 1)
    submit(client, [(only, CAT)])
    undo(client)
    late = client.post("/pre_annotation_runs/run-1/results/", json={"items": [{"task": only, "data": CAT}]})
    assert late.status_code == 409
    begin(client, project, "run-2")
    assert submit(client, [(only, DOG)], "run-2") == ["annotated"]


@pytest.mark.parametrize("order", [("run-1", "run-2"), ("run-2", "run-1")])
def test_undoing_two_runs_in_any_order_leads_back_to_the_beginning(client, make, project, run, order):
    (only,) = make.tasks(project, 1, data=boxes("cat", "cat"))
    submit(client, [(only, CAT)])
    begin(client, project, "run-2")
    submit(client, [(only, DOG)], "run-2", version="b" * 64)
    assert task(client, only)[0] == DOG
    for run_id in order:
        assert undo(client, run_id) == {"restored": 1, "kept": 0}
    assert task(client, only)[0] == boxes("cat", "cat")


def test_a_long_undo_goes_on_where_it_stopped(client, make, project, run, monkeypatch):
    from web_helper.backend.services.work import pre_annotation_undo

    monkeypatch.setattr(pre_annotation_undo, "BATCH", 3)
    monkeypatch.setattr(pre_annotation_undo, "BATCHES_PER_REQUEST", 2)
    tasks = make.tasks(project, 8)
    submit(client, [(number, CAT) for number in tasks])
    first = client.post("/pre_annotation_runs/run-1/undo/", json={}).json()
    assert (first["restored"], client.get("/pre_annotation_runs/run-1/").json()["undone_at"]) == (6, None)
    rest = client.post("/pre_annotation_runs/run-1/undo/", json={"after_id": first["next_after_id"]}).json()
    assert (rest["restored"], rest["next_after_id"]) == (2, None)
    with make.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Task).where(Task.data.is_not(None))) == 0


def test_provenance_is_kept_for_each_task(client, make, project, run):
    (only,) = make.tasks(project, 1)
    scored = {"annotations": [dict(CAT["annotations"][0], score=0.5), dict(CAT["annotations"][0], id=2, score=1.0)]}
    submit(client, [(only, scored)])
    (row,) = client.get("/v2/pre-annotations/", params={"task": only}).json()["data"]
    assert row.pop("created")
    assert row.pop("id")
    assert row == {
        "run_id": "run-1",
        "task_id": only,
        "method": "file",
        "plugin_release_id": None,
        "model_id": None,
        "version": "",
        "producer": "p@1",
        "source_version": "a" * 64,
        "score": 0.75,
    }


def give_labels(make, task_id, content):
    """A label file beside the task's image."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = path_of_content(sha256)
    target = make.settings.storage_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    with make.database.write() as session:
        unit = session.get_one(Task, task_id).data_unit_id
        storage = session.scalars(select(DataFile.storage_id)).first()
        file = session.scalars(select(DataFile).where(DataFile.sha256 == sha256)).first()
        file = file or DataFile(
            storage_id=storage, sha256=sha256, size_bytes=len(content), path=path, status="confirmed"
        )
        session.add(file)
        session.flush()
        link = DataUnitFile(
            data_unit_id=unit,
            data_file_id=file.id,
            specification="labels",
            is_primary=False,
            file_name_original="a.txt",
        )
        session.add(link)
    return sha256


def test_pages_ascend_and_carry_small_label_files_and_say_what_is_done(client, make, project, run):
    tasks = make.tasks(project, 3, files=True)
    make.tasks(make.project(), 1)
    sha256 = give_labels(make, tasks[0], b"labels")
    give_labels(make, tasks[1], b"labels")
    submit(client, [(tasks[0], CAT)], version=sha256)

    page = client.post("/pre_annotation_runs/run-1/tasks/", json={"limit": 2}).json()
    assert [row["id"] for row in page["tasks"]] == tasks[:2]
    assert page["done"] == [tasks[0]]
    assert {key: base64.b64decode(text) for key, text in page["contents"].items()} == {sha256: b"labels"}
    assert set(page["tasks"][0]["data_unit"]["files"]) == {"image", "labels"}
    rest = client.post("/pre_annotation_runs/run-1/tasks/", json={"after_id": tasks[1]}).json()
    assert [row["id"] for row in rest["tasks"]] == tasks[2:]
    end = client.post("/pre_annotation_runs/run-1/tasks/", json={"after_id": tasks[2]}).json()
    assert end == {"tasks": [], "done": [], "contents": {}}


def test_a_changed_label_file_is_not_what_was_done(client, make, project, run):
    (only,) = make.tasks(project, 1, files=True)
    submit(client, [(only, CAT)], version="0" * 64)
    give_labels(make, only, b"new labels")
    assert client.post("/pre_annotation_runs/run-1/tasks/", json={}).json()["done"] == []


def test_filters_are_those_of_the_task_list_and_unknown_ones_are_refused(client, make, project, run):
    tasks = make.tasks(project, 2)
    client.patch(f"/v2/tasks/{tasks[0]}/", json={"status": "completed"})
    page = client.post("/pre_annotation_runs/run-1/tasks/", json={"filters": {"status": "pending"}}).json()
    assert [row["id"] for row in page["tasks"]] == tasks[1:]
    assert client.post("/pre_annotation_runs/run-1/tasks/", json={"filters": {"colour": 1}}).status_code == 400


def test_the_same_run_may_be_registered_again_and_no_other_under_its_id(client, project, run):
    assert begin(client, project).status_code == 201
    assert begin(client, project, producer="p@2").status_code == 409


@pytest.mark.parametrize(
    ("role", "status"), [(Role.VIEWER, 403), (Role.ANNOTATOR, 403), (Role.MANAGER, 201), (None, 404)]
)
def test_managers_begin_runs(make, project, role, status):
    _, client = make.user(project=project, role=role)
    assert begin(client, project).status_code == status


@pytest.mark.parametrize(("role", "status"), [(Role.ANNOTATOR, 403), (None, 404)])
def test_others_neither_read_tasks_nor_write_nor_undo(make, project, run, role, status):
    _, stranger = make.user(project=project, role=role)
    (only,) = make.tasks(project, 1)
    for path, body in (("tasks", {}), ("results", {"items": [{"task": only, "data": CAT}]}), ("undo", {})):
        assert stranger.post(f"/pre_annotation_runs/run-1/{path}/", json=body).status_code == status
