"""Importing annotated items: all or none, each key once, class ids in order of appearance, safe to repeat."""

import threading

import msgspec
import pytest
from sqlalchemy import text

from tests.backend.data.uploads import send
from tests.backend.factories import boxes
from web_helper.backend.models import Role


@pytest.fixture
def project(make):
    return make.project(configuration={})


def item(key, data=None, **fields):
    return {"key": key, "name": f"{key}.jpg", "width": 640, "height": 480, "data": data, **fields}


def post(client, project, *items, **fields):
    return client.post(f"/v2/projects/{project['id']}/import-items/", json={"items": list(items), **fields})


def states(answer):
    assert answer.status_code == 200, answer.text
    return [row["status"] for row in answer.json()["data"]]


def count(database, table):
    with database.read() as session:
        return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def classes(client, project):
    configuration = client.get(f"/v2/projects/{project['id']}/").json()["data"]["configuration"]
    return [(row["id"], row["name"]) for row in configuration["class_schema"]["classes"]]


def test_item_becomes_a_unit_with_file_task_and_assignment(client, project, make):
    file_id = send(client, b"pixels")
    data = boxes("cat", "dog")

    row = post(client, project, item("a", data, files={"image": file_id}, tags=["train"])).json()["data"][0]

    assert (row["key"], row["status"]) == ("a", "created")
    task = client.get(f"/v2/tasks/{row['task_id']}/").json()["data"]
    assignment = client.get(f"/v2/assignments/{row['assignment_id']}/").json()["data"]
    unit = client.get(f"/v2/data-units/{row['data_unit_id']}/").json()["data"]
    assert (task["status"], task["data"], task["tags"]) == ("completed", data, ["train"])
    assert (assignment["status_label"], assignment["data"], assignment["tags"]) == ("completed", data, ["train"])
    assert (unit["key"], unit["name"], unit["width"], unit["height"]) == ("a", "a.jpg", 640, 480)
    assert unit["files"]["image"]["file_name_original"] == "a.jpg"
    assert client.get(unit["files"]["image"]["url"]).content == b"pixels"


def test_same_batch_again_adds_nothing_and_says_so(client, project, database):
    batch = [item("a", boxes("cat"), tags=["x"]), item("b"), item("c", boxes("dog", "cat"))]
    first = post(client, project, *batch)
    tables = ("data_units", "tasks", "assignments", "tags", "task_tags", "assignment_tags")
    before = [count(database, table) for table in tables]

    again = post(client, project, *batch)

    assert states(first) == ["created"] * 3
    assert states(again) == ["exists"] * 3
    assert [count(database, table) for table in tables] == before
    ids = ("data_unit_id", "task_id", "assignment_id")
    assert [[row[name] for name in ids] for row in again.json()["data"]] == [
        [row[name] for name in ids] for row in first.json()["data"]
    ]


def test_half_imported_batch_is_completed(client, project):
    post(client, project, item("a", boxes("cat")))

    assert states(post(client, project, item("b"), item("a", boxes("cat")), item("c"))) == [
        "created", "exists", "created",
    ]  # fmt: skip


def test_other_annotations_under_a_known_key_are_reported_and_the_servers_kept(client, project):
    post(client, project, item("a", boxes("cat")))

    answer = post(client, project, item("a", boxes("dog")))

    assert states(answer) == ["differs"]
    task = client.get(f"/v2/tasks/{answer.json()['data'][0]['task_id']}/").json()["data"]
    assert task["data"] == boxes("cat")
    assert classes(client, project) == [(1, "cat")]


def test_numbers_written_in_another_way_are_the_same_annotations(client, project):
    def box(value):
        return {"annotations": [{"category": "cat", "bbox": [value, 1, 2, 3]}]}

    post(client, project, item("a", box(10)))

    assert states(post(client, project, item("a", box(10.0)))) == ["exists"]
    assert states(post(client, project, item("a", box(10.5)))) == ["differs"]


def test_classes_get_the_next_ids_in_order_of_appearance(client, make):
    project = make.project(configuration={"class_schema": {"classes": [{"id": 7, "name": "cat"}]}, "other": 1})

    post(client, project, item("a", boxes("zebra", "cat")), item("b", boxes("ant", "zebra")))
    post(client, project, item("c", boxes("bee")))

    assert classes(client, project) == [(7, "cat"), (8, "zebra"), (9, "ant"), (10, "bee")]
    assert client.get(f"/v2/projects/{project['id']}/").json()["data"]["configuration"]["other"] == 1


def test_new_classes_are_refused_when_the_caller_says_so(client, make, database):
    project = make.project()

    answer = post(client, project, item("a", boxes("cat")), item("b", boxes("cat", "unicorn")), create_classes=False)

    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["field"] == "items.1.data"
    assert "unicorn" in answer.json()["error"]["message"]
    assert count(database, "data_units") == 0


def test_one_bad_item_stops_the_whole_batch_and_is_named(client, project, database):
    good = item("a", boxes("cat"))
    nan = {"annotations": [{"category": "cat", "bbox": [0, 0, "NaN", 1]}]}
    for bad, field in (
        (item("b", {"annotations": [{"bbox": [1, 2, 3, 4]}]}), "items.1.data.annotations.0.category"),
        (item("b", {"annotations": [{"category": "cat", "bbox": [1, 2, 3]}]}), "items.1.data.annotations.0.bbox.3"),
        (item("b", {"annotations": "none"}), "items.1.data.annotations"),
        (item("b", {"annotations": [{"id": 1, "category": "a"}] * 2}), "items.1.data.annotations"),
        (item("b", nan), "items.1.data.annotations.0.bbox.2"),
        (item("a"), "items.1.key"),
        (item("b", width=0), "items.1.width"),
        (item("b", width=2**40), "items.1.width"),
        (item(""), "items.1.key"),
        (item("b", status_label="done"), "items.1.status_label"),
        (item("b", tags=[""]), "items.1.tags.0"),
        (item("b", files={"depth": 1}), "items.1.files.depth"),
        (item("b", files={"image": 4711}), "items.1.files.image"),
        (item("b", primary="image"), "items.1.files"),
        (item("b", colour="red"), "items.1.colour"),
        (item("b\x00"), None),
    ):
        answer = post(client, project, good, bad)

        assert answer.status_code == 400, bad
        fields = [detail["field"] for detail in answer.json()["error"]["details"]]
        assert field is None or any(name.startswith(field) for name in fields), (field, fields)
        assert count(database, "data_units") == 0


def test_more_than_200_items_are_refused(client, project):
    assert post(client, project, *(item(str(number)) for number in range(201))).status_code == 400


def test_200_items_take_a_bounded_number_of_statements(client, project, app):
    from sqlalchemy import event

    statements = []
    event.listen(app.state.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    answer = post(client, project, *(item(str(number), boxes("cat"), tags=["t"]) for number in range(200)))

    assert states(answer) == ["created"] * 200
    assert len([line for line in statements if line.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE"))]) < 40


def test_ids_ascend_in_the_order_of_the_items(client, project):
    rows = post(client, project, *(item(key, boxes("cat")) for key in "zyxwv")).json()["data"]

    for name in ("data_unit_id", "task_id", "assignment_id"):
        assert [row[name] for row in rows] == sorted(row[name] for row in rows)


def test_unit_of_another_project_over_the_same_collection_is_used_again(client, make):
    first = make.project(configuration={})
    body = {"name": "second", "data_collection": first["data_collection_id"]}
    second = client.post("/v2/projects/", json=body).json()["data"]

    row = post(client, first, item("a", boxes("cat"))).json()["data"][0]
    other = post(client, second, item("a", boxes("dog"))).json()["data"][0]

    assert other["status"] == "created"
    assert other["data_unit_id"] == row["data_unit_id"]
    assert other["task_id"] != row["task_id"]


def test_equal_and_overlapping_batches_at_once_import_each_key_once(client, project, make, database):
    batches = [
        [item(str(number), boxes("cat", f"class {number % 5}"), tags=["t"]) for number in range(start, start + 60)]
        for start in (0, 30, 0, 45, 90, 0)
    ]
    answers = [None] * len(batches)

    def run(index):
        answers[index] = post(client, project, *batches[index])

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = [row for answer in answers for row in zip(states(answer), answer.json()["data"], strict=True)]
    created = [row["key"] for state, row in found if state == "created"]
    assert sorted(created, key=int) == [str(number) for number in range(150)]
    assert {state for state, _ in found} == {"created", "exists"}
    assert [count(database, table) for table in ("data_units", "tasks", "assignments")] == [150] * 3
    ids, names = zip(*classes(client, project), strict=True)
    assert sorted(ids) == list(range(1, 7))
    assert len(set(names)) == 6


def test_two_projects_that_import_the_same_keys_at_once_do_not_deadlock(client, make):
    first = make.project(configuration={})
    body = {"name": "second", "data_collection": first["data_collection_id"]}
    second = client.post("/v2/projects/", json=body).json()["data"]
    keys = [str(number) for number in range(100)]
    answers = {}

    def run(project, order):
        answers[project["id"]] = post(client, project, *(item(key) for key in order))

    threads = [
        threading.Thread(target=run, args=(first, keys)),
        threading.Thread(target=run, args=(second, keys[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert states(answers[first["id"]]) == ["created"] * 100
    assert states(answers[second["id"]]) == ["created"] * 100


def test_roles_below_manager_cannot_import(client, make, project):
    for role in (Role.VIEWER, Role.ANNOTATOR):
        assert post(make.user(project=project, role=role)[1], project, item("a")).status_code == 403
    assert post(make.user()[1], project, item("a")).status_code == 404
    reader = make.user(project=project, role=Role.MANAGER, scopes=["read"])[1]
    assert post(reader, project, item("a")).status_code == 403
    assert states(post(make.user(project=project, role=Role.MANAGER)[1], project, item("a"))) == ["created"]


def test_several_files_keep_the_order_and_primary_of_the_specifications(client):
    body = {
        "name": "stereo",
        "file_specifications": [
            {"name": "left"}, {"name": "right", "is_primary": True}, {"name": "depth", "is_required": False},
        ],
    }  # fmt: skip
    collection = client.post("/v2/data-collections/", json=body).json()["data"]["id"]
    project = client.post("/v2/projects/", json={"name": "p", "data_collection": collection}).json()["data"]
    left, right = send(client, b"left"), send(client, b"right")
    files = {"right": {"data_file_id": right, "file_name": "r.png"}, "left": left}

    rows = post(client, project, item("a", files=files), item("b", files=files, primary="left")).json()["data"]

    units = [client.get(f"/v2/data-units/{row['data_unit_id']}/").json()["data"]["files"] for row in rows]
    assert [list(unit) for unit in units] == [["left", "right"]] * 2
    assert [[file["is_primary"] for file in unit.values()] for unit in units] == [[False, True], [True, False]]
    assert [file["file_name_original"] for file in units[0].values()] == ["a.jpg", "r.png"]


def test_stored_text_is_what_was_sent(client, project, database):
    data = {
        "annotations": [{"category": "고양이", "bbox": [0.1, 2, 3e-7, 4], "extra": {"b": None, "a": [True]}}],
        "v": 1,
    }

    post(client, project, item("a", data))

    with database.read() as session:
        stored = session.execute(text("SELECT data FROM tasks")).scalar_one()
    assert msgspec.json.decode(stored) == data
