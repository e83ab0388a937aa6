from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.data_sets import make_coco, make_voc

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def owls(tmp_path_factory):
    return make_voc(tmp_path_factory.mktemp("owls"), 12)


@pytest.fixture
def birds(synapse, owls):
    """A project with twelve completed assignments."""
    synapse.json("import", "voc", owls, "--project", "exported birds")
    return "exported birds"


def export(synapse, out: Path, *arguments: object, exit_code: int = 0) -> dict:
    return synapse.json("export", "--out", out, *arguments, exit_code=exit_code)


def coco_of(path: str) -> dict:
    return json.loads(Path(path, "annotations.json").read_text())


def ids_of(platform, project: str) -> list[int]:
    with platform.v2() as client:
        found = client.projects.list(search=project).first()
        return sorted(row["id"] for row in client.assignments.list(project=found["id"]))


def test_real_photographs_go_in_as_voc_and_come_out_as_coco(synapse, raccoon, tmp_path):
    synapse.json("import", "voc", raccoon, "--project", "raccoons out")
    arguments = ["--project", "raccoons out", "--target", "assignment", "--format", "coco"]
    summary = export(synapse, tmp_path / "out", *arguments, "--filter", "status_label=completed")
    assert (summary["exported"], summary["annotations"], summary["failed"]) == (200, 217, 0)
    assert summary["head"] == "delegated"
    document = coco_of(summary["path"])
    assert (len(document["images"]), len(document["annotations"])) == (200, 217)
    images = list(Path(summary["path"]).rglob("raccoon-*.jpg"))
    assert len(images) == 200
    original = raccoon / "images" / "raccoon-1.jpg"
    assert next(path for path in images if path.name == "raccoon-1.jpg").read_bytes() == original.read_bytes()


@pytest.mark.parametrize("fmt", ["coco", "yolo", "voc", "csv", "jsonl"])
def test_what_goes_out_in_any_format_comes_in_again_as_the_same(synapse, birds, tmp_path, fmt):
    summary = export(synapse, tmp_path, "--project", birds, "--format", fmt)
    assert (summary["exported"], summary["annotations"]) == (12, 12)
    again = synapse.json("import", fmt, summary["path"], "--project", f"again from {fmt}")
    assert (again["created"], again["bad"]) == (12, 0)


@pytest.mark.parametrize("head", [(), ("--in-process",)])
def test_filters_select_exactly(synapse, platform, birds, tmp_path, head):
    ids = ids_of(platform, birds)
    wanted = f"ids={ids[1]},{ids[3]}"
    summary = export(synapse, tmp_path, "--project", birds, "--format", "coco", "--filter", wanted, *head)
    assert summary["exported"] == 2
    without = ["--filter", f"ids_ex={ids[0]}", "--filter", "search=000"]
    assert export(synapse, tmp_path, "--project", birds, "--format", "coco", *without, *head)["exported"] == 9


def test_splits_and_left_out_images_are_as_asked(synapse, birds, tmp_path):
    arguments = ["--project", birds, "--format", "yolo", "--split", "0.5,0.5", "--images", "none"]
    summary = export(synapse, tmp_path, *arguments)
    assert sum(summary["splits"].values()) == 12
    assert set(summary["splits"]) <= {"train", "val"}
    assert not list(Path(summary["path"]).rglob("*.png"))
    assert export(synapse, tmp_path, *arguments)["splits"] == summary["splits"]


def test_a_second_export_never_overwrites_the_first(synapse, birds, tmp_path):
    first, second = (export(synapse, tmp_path, "--project", birds, "--format", "csv")["path"] for _ in range(2))
    assert first != second
    assert Path(second).name == "exported birds-csv(1)"


def test_the_folder_name_cannot_lead_out_of_the_output_folder(synapse, birds, tmp_path):
    outside = ["--project", birds, "--format", "csv", "--out", tmp_path / "out", "--name", "../../x"]
    assert synapse("export", *outside).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_terminal_is_told_path_and_counts(synapse, birds, tmp_path):
    result = synapse("export", "--project", birds, "--format", "coco", "--out", tmp_path)
    assert result.exit_code == 0
    assert str(tmp_path / "exported birds-coco") in result.stdout
    assert "12" in result.stdout
    assert "by the server" in result.stdout
    assert "The server gathered 12 items" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--filter", "colour=red"), "colour"),
        (("--filter", "status_label=finished"), "status_label"),
        (("--filter", "ids=one"), "ids=1,2,3"),
        (("--filter", "project=1"), "--project"),
        (("--split", "0.5,0.2"), "0.7"),
        (("--task", "fly"), "fly"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anything_is_made(synapse, birds, tmp_path, arguments, words):
    result = synapse("export", "--project", birds, "--format", "coco", "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_project_must_be_named_and_exist(synapse, tmp_path):
    assert synapse("export", "--format", "coco", "--out", tmp_path).exit_code == 2
    missing = synapse("export", "--project", "no such", "--format", "coco", "--out", tmp_path)
    assert missing.exit_code == 1
    assert "synapse project list" in missing.stderr


def test_a_filter_that_matches_nothing_is_a_warning(synapse, birds, tmp_path):
    result = synapse(
        "export", "--project", birds, "--format", "coco", "--out", tmp_path, "--filter", "status_label=pending"
    )
    assert result.exit_code == 0, result.output
    assert "Nothing matches" in result.stderr


def test_what_a_format_keeps_with_less_is_listed_and_no_error_in_strict_mode(synapse, tmp_path):
    square = [[1, 1, 20, 1, 20, 20, 1, 20]]
    keypoints = [{"id": 1, "image_id": 1, "category_id": 7, "keypoints": [2, 3, 2], "bbox": [1, 1, 9, 9]}]
    polygons = [{"id": 2, "image_id": 2, "category_id": 9, "segmentation": square, "bbox": [1, 1, 19, 19]}]
    categories = [{"id": 7, "name": "face", "keypoints": ["nose"]}, {"id": 9, "name": "leaf"}]
    path = make_coco(tmp_path / "in", 2, annotations=keypoints + polygons, categories=categories)
    synapse.json("import", "coco", path, "--project", "shapes")
    arguments = ["--project", "shapes", "--format", "voc"]
    summary = export(synapse, tmp_path / "out", *arguments)
    assert summary["losses"]
    losses = json.loads(Path(summary["path"], "loss_report.json").read_text())
    assert len(losses["losses"]) == sum(summary["losses"].values())

    reduced = synapse("export", *arguments, "--strict", "--out", tmp_path / "reduced")
    assert reduced.exit_code == 0, reduced.output
    assert "Nothing is left out, but some are kept with less (2 geometry_reduced)" in " ".join(reduced.stderr.split())


def test_what_has_to_be_left_out_fails_a_strict_export(synapse, tmp_path):
    specks = [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [5, 5, 0.0004, 0.0004]}]
    path = make_coco(tmp_path / "in", 1, annotations=specks, categories=[{"id": 7, "name": "speck"}])
    synapse.json("import", "coco", path, "--project", "specks")
    arguments = ["export", "--project", "specks", "--format", "voc", "--out", tmp_path / "out"]
    told = synapse(*arguments)
    assert told.exit_code == 0, told.output
    assert "Not everything could be carried (1 too_small)" in " ".join(told.stderr.split())
    refused = synapse(*arguments, "--strict")
    assert refused.exit_code == 1
    assert "cannot be carried by voc, and strict is on" in " ".join(refused.stderr.split())
    assert [folder.name for folder in (tmp_path / "out").iterdir()] == ["specks-voc"]


def test_a_dead_original_fails_its_item_only(synapse, platform, tmp_path):
    synapse.json("import", "voc", make_voc(tmp_path / "in", 3, first=700), "--project", "dead original")
    with platform.v2() as client:
        project = client.projects.list(search="dead original").first()
        ids = [row["id"] for row in client.assignments.list(project=project["id"])]
        row = client.assignments.bulk_fetch(ids)[0]
    sha256 = row["files_manifest"]["image"]["sha256"]
    (platform.settings.storage_dir / "files" / sha256[:2] / sha256[2:]).unlink()
    result = synapse(
        "export", "--project", "dead original", "--format", "coco", "--out", tmp_path / "out", "--in-process", "--json"
    )
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert (summary["exported"], summary["failed"]) == (2, 1)
    assert Path(summary["path"], "error_file_list.json").exists()
    assert "1 of 3 items are missing from this data set" in result.stderr.splitlines()[-1]


def test_ground_truth_is_exported_by_version(synapse, platform, birds, tmp_path):
    with platform.v2() as client:
        project = client.projects.list(search=birds).first()
        dataset = client.ground_truth_datasets.create(project=project["id"], name="curated")
        client.ground_truth_datasets.collect(dataset["id"])
        version = client.ground_truth_datasets.release(dataset["id"], "v1")
    arguments, which = ["--target", "ground_truth", "--format", "coco"], ["--filter", "ground_truth_dataset_version"]
    for project in ([], ["--project", birds]):
        summary = export(synapse, tmp_path, *arguments, *project, which[0], f"{which[1]}={version['id']}")
        assert (summary["exported"], summary["annotations"]) == (12, 12)
        assert summary["head"] == "delegated", "the version knows its project"
        assert synapse("export", *arguments, *project, "--out", tmp_path).exit_code == 2
    for unknown in ("0", "999999", "first"):
        refused = synapse("export", *arguments, which[0], f"{which[1]}={unknown}", "--out", tmp_path)
        assert refused.exit_code == 2, refused.output
