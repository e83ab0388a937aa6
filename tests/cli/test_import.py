from __future__ import annotations

import json

import pytest

from synapse_sdk.cli.importing import run as import_run
from synapse_sdk.testing import Fault, FaultyTransport
from tests.cli.data_sets import InterruptingTransport, draw_image, make_coco, make_voc, make_yolo, voc_xml


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(import_run, "BATCH_ITEMS", 10)


def counts(summary: dict) -> tuple[int, int, int, int]:
    return summary["created"], summary["exists"], summary["different"], summary["bad"]


def data_of(platform, project: str) -> dict[str, dict]:
    """Annotation data by image name, as the server has it."""
    with platform.v2() as client:
        found = client.projects.list(search=project).first()
        ids = [row["id"] for row in client.assignments.list(project=found["id"])]
        rows = client.assignments.bulk_fetch(ids)
    return {row["data_unit"]["name"]: row for row in rows}


def classes_of(synapse, project: str) -> list[tuple[int, str]]:
    schema = synapse.json("project", "show", project)["configuration"]["class_schema"]["classes"]
    return [(each["id"], each["name"]) for each in schema]


def test_real_voc_photographs_arrive_once_however_often_they_are_imported(synapse, raccoon):
    first = synapse.json("import", "voc", raccoon, "--project", "raccoons")
    assert counts(first) == (200, 0, 0, 0)
    assert first["project"]["is_new"]
    again = synapse.json("import", "voc", raccoon, "--project", "raccoons")
    assert counts(again) == (0, 200, 0, 0)
    assert (again["uploaded_files"], again["uploaded_bytes"]) == (0, 0)
    shown = synapse.json("project", "show", "raccoons")
    assert (shown["task_count"], shown["completed_count"]) == (200, 200)
    assert classes_of(synapse, "raccoons") == [(1, "raccoon")]


def test_a_coco_file_brings_its_category_ids_unused_ones_too(synapse, platform, tmp_path):
    path = make_coco(tmp_path, 3)
    summary = synapse.json("import", "coco", path, "--images", tmp_path / "images", "--project", "cars")
    assert counts(summary) == (3, 0, 0, 0)
    assert classes_of(synapse, "cars") == [(7, "car"), (9, "bus")]
    row = data_of(platform, "cars")["0.png"]
    assert row["data"]["annotations"][0]["bbox"] == [1, 2, 10.5, 8]
    assert (row["data_unit"]["width"], row["data_unit"]["height"]) == (40, 30)


def test_names_of_keypoints_survive(synapse, tmp_path):
    names = ["left eye", "right eye"]
    categories = [{"id": 1, "name": "face", "keypoints": names, "skeleton": [[1, 2]]}]
    annotations = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 20, 20], "keypoints": [2, 3, 2, 9, 3, 1]}]
    path = make_coco(tmp_path, 1, categories=categories, annotations=annotations)
    synapse.json("import", "coco", path, "--project", "faces")
    schema = synapse.json("project", "show", "faces")["configuration"]["class_schema"]["classes"]
    assert schema[0]["keypoints"] == names
    assert schema[0]["skeleton"] == [[1, 2]]


def test_a_yolo_description_brings_classes_and_splits(synapse, platform, tmp_path):
    summary = synapse.json("import", "yolo", make_yolo(tmp_path, 4), "--project", "cans")
    assert counts(summary) == (4, 0, 0, 0)
    assert [name for _, name in classes_of(synapse, "cans")] == ["can", "bottle"]
    rows = data_of(platform, "cans")
    assert rows["0.png"]["tags"] == ["train"]
    assert rows["1.png"]["tags"] == ["val"]
    assert rows["0.png"]["data"]["annotations"][0]["category"] == "bottle"


def test_ctrl_c_ends_after_the_batch_in_flight_and_the_same_command_goes_on(synapse, disturb, small_batches, tmp_path):
    make_voc(tmp_path, 45)
    disturb(lambda network: InterruptingTransport(network, before=2))
    stopped = synapse("import", "voc", tmp_path, "--project", "night", "--json")
    assert stopped.exit_code == 130, stopped.output
    assert "Run the same command again" in stopped.stderr
    summary = json.loads(stopped.stdout)
    assert counts(summary) == (20, 0, 0, 0)
    assert not summary["is_complete"]
    disturb(None)
    assert counts(synapse.json("import", "voc", tmp_path, "--project", "night")) == (25, 20, 0, 0)


def test_a_second_ctrl_c_stops_at_once_and_loses_nothing(synapse, disturb, small_batches, tmp_path):
    make_voc(tmp_path, 25)
    disturb(lambda network: InterruptingTransport(network, before=2, presses=2))
    stopped = synapse("import", "voc", tmp_path, "--project", "hasty", "--json")
    assert stopped.exit_code == 130
    assert counts(json.loads(stopped.stdout)) == (10, 0, 0, 0)
    disturb(None)
    assert counts(synapse.json("import", "voc", tmp_path, "--project", "hasty")) == (15, 10, 0, 0)


def test_a_server_that_goes_away_costs_one_batch(synapse, disturb, small_batches, tmp_path):
    make_voc(tmp_path, 25)
    fault = Fault("/import-items/", skip=1, times=100, status=500)
    disturb(lambda network: FaultyTransport(network, [fault]))
    failed = synapse("import", "voc", tmp_path, "--project", "flaky", "--json")
    assert failed.exit_code == 1
    assert "Run the same command again" in failed.stderr
    assert counts(json.loads(failed.stdout)) == (10, 0, 0, 0)
    disturb(None)
    assert counts(synapse.json("import", "voc", tmp_path, "--project", "flaky")) == (15, 10, 0, 0)


def test_a_lost_answer_is_asked_for_again_and_nothing_is_there_twice(synapse, disturb, tmp_path):
    make_voc(tmp_path, 3)
    faults = [Fault("/import-items/", lose_answer=True), Fault("/objects/", method="PUT", lose_answer=True)]
    disturb(lambda network: FaultyTransport(network, faults))
    summary = synapse.json("import", "voc", tmp_path, "--project", "echo")
    assert summary["created"] + summary["exists"] == 3
    disturb(None)
    assert synapse.json("project", "show", "echo")["assignment_count"] == 3


def test_bad_files_are_named_with_their_line_and_the_rest_arrives(synapse, tmp_path):
    data = make_voc(tmp_path / "data", 3)
    (data / "Annotations" / "a_torn.xml").write_text("<annotation>\n<filename>x.png\n")
    (data / "Annotations" / "b_lost.xml").write_text(voc_xml("lost.png", ("owl", 1, 1, 5, 5)))
    report = tmp_path / "report.json"
    result = synapse("import", "voc", data, "--project", "warts", "--report", report, "--json")
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert counts(summary) == (3, 0, 0, 2)
    assert summary["left_out"] == 1
    assert "a_torn.xml:" in result.stderr
    assert "b_lost.xml:" in result.stderr
    assert "lost.png" in result.stderr
    document = json.loads(report.read_text())
    assert document["bad_by_code"] == {"image_missing": 1, "malformed": 1}
    assert [entry["code"] for entry in document["bad"]] == ["malformed", "image_missing"]
    assert all(entry["line"] for entry in document["bad"])
    assert document["summary"]["created"] == 3


def test_a_broken_image_is_left_out(synapse, tmp_path):
    data = make_voc(tmp_path, 3, first=20)
    (data / "JPEGImages" / "0021.png").write_bytes(b"no image")
    result = synapse("import", "voc", data, "--project", "broken image", "--json")
    summary = json.loads(result.stdout)
    assert (summary["created"], summary["left_out"], summary["bad"]) == (2, 1, 1)
    assert "0021" in result.stderr


def test_a_report_that_cannot_be_written_is_refused_at_once(synapse, tmp_path):
    data = make_voc(tmp_path, 1)
    result = synapse("import", "voc", data, "--project", "no report", "--report", tmp_path / "none" / "r.json")
    assert result.exit_code == 2
    assert synapse("project", "show", "no report").exit_code == 1


def test_strict_stops_at_the_first_bad_file(synapse, tmp_path):
    data = make_voc(tmp_path, 3, first=10)
    (data / "Annotations" / "0011.xml").write_text("<annotation>\n")
    result = synapse("import", "voc", data, "--project", "strict", "--strict", "--json")
    assert result.exit_code == 1
    assert "0011.xml" in result.stderr
    assert "Traceback" not in result.output
    assert json.loads(result.stdout)["bad"] == 1


def test_other_annotations_of_a_known_image_are_reported_and_not_overwritten(synapse, platform, tmp_path):
    data = make_voc(tmp_path, 2)
    synapse.json("import", "voc", data, "--project", "kept")
    (data / "Annotations" / "0001.xml").write_text(voc_xml("0001.png", ("bat", 1, 1, 9, 9)))
    report = tmp_path / "report.json"
    summary = synapse.json("import", "voc", data, "--project", "kept", "--report", report)
    assert counts(summary) == (0, 1, 1, 0)
    assert json.loads(report.read_text())["different"][0].startswith("0001.png@")
    assert data_of(platform, "kept")["0001.png"]["data"]["annotations"][0]["category"] == "owl"


def test_a_changed_image_of_the_same_name_is_a_new_item(synapse, tmp_path):
    data = make_voc(tmp_path, 2)
    synapse.json("import", "voc", data, "--project", "redrawn")
    draw_image(data / "JPEGImages" / "0001.png", 4711)
    assert counts(synapse.json("import", "voc", data, "--project", "redrawn")) == (1, 1, 0, 0)


def test_what_the_server_refuses_is_left_out_and_its_batch_is_not(synapse, tmp_path):
    images = [{"id": n + 1, "file_name": f"{n}.png", "width": 40, "height": 30} for n in range(5)]
    images[3]["tags"] = ["x" * 101]
    path = make_coco(tmp_path, 5, images=images)
    result = synapse("import", "coco", path, "--project", "tags", "--json")
    assert counts(json.loads(result.stdout)) == (4, 0, 0, 1)
    assert "3.png" in result.stderr
    assert "tags" in result.stderr


def test_fixed_classes_keep_a_project_as_it_is(synapse, tmp_path):
    synapse.json("project", "create", "fixed", "--classes", "bat")
    result = synapse("import", "voc", make_voc(tmp_path, 2), "--project", "fixed", "--fixed-classes", "--json")
    assert counts(json.loads(result.stdout)) == (0, 0, 0, 2)
    assert "owl" in result.stderr
    assert classes_of(synapse, "fixed") == [(1, "bat")]


@pytest.mark.parametrize("name", ["../../escape.png", "/etc/passwd", "..\\..\\x.png"])
def test_names_that_lead_out_of_the_data_set_are_bad_files(synapse, tmp_path, name):
    draw_image(tmp_path / "escape.png", 1)
    images = [{"id": 1, "file_name": name, "width": 40, "height": 30}]
    path = make_coco(tmp_path / "a" / "b", 1, images=images)
    result = synapse("import", "coco", path, "--project", f"escape {len(name)}", "--json")
    assert counts(json.loads(result.stdout)) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    "name", ["너구리 (1).png", "[red]x[bold].png", "a\x1b[31m.png", "line\nbreak.png", "#1 %2e.png"]
)
def test_odd_but_real_names_arrive_and_are_shown_as_text(synapse, platform, tmp_path, name):
    draw_image(tmp_path / "images" / name, 1)
    images = [{"id": 1, "file_name": name, "width": 40, "height": 30}]
    path = make_coco(tmp_path, 1, images=images)
    project = f"odd {abs(hash(name))}"
    result = synapse("import", "coco", path, "--project", project, "--json")
    assert counts(json.loads(result.stdout)) == (1, 0, 0, 0), result.output
    assert list(data_of(platform, project)) == [name]
    assert "\x1b" not in result.output


def test_a_folder_that_is_no_data_set_leaves_no_project_behind(synapse, tmp_path):
    result = synapse("import", "voc", tmp_path, "--project", "nothing")
    assert result.exit_code == 1
    assert "Annotations" in result.stderr
    assert synapse("project", "show", "nothing").exit_code == 1


def test_a_mistyped_id_makes_no_project(synapse, tmp_path):
    result = synapse("import", "voc", make_voc(tmp_path, 1), "--project", "99999")
    assert result.exit_code == 1
    assert "synapse project create" in result.stderr


def test_a_token_that_may_only_read_imports_nothing(synapse, tmp_path):
    reader = synapse.json("token", "create", "reader", "--scope", "read")["key"]
    result = synapse("import", "voc", make_voc(tmp_path, 1), "--project", "forbidden", "--token", reader)
    assert result.exit_code == 1
    assert "scope" in result.stderr


def test_images_alone_are_tasks_that_nobody_has_annotated(synapse, platform, tmp_path):
    folder = make_voc(tmp_path, 3)
    assert counts(synapse.json("import", "voc", folder, "--project", "bare", "--images-only")) == (3, 0, 0, 0)
    assert [row["data"] for row in data_of(platform, "bare").values()] == [None] * 3
    assert synapse.json("project", "show", "bare")["completed_count"] == 0
    again = synapse.json("import", "voc", folder, "--project", "bare", "--images-only")
    assert counts(again) == (0, 3, 0, 0)
