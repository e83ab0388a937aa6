"""The built-in exporter: a valid data set in every format, by either head, with its losses told."""

import json

import pytest

from synapse_sdk.exceptions import ExportError
from synapse_sdk.plugins.actions.export.formats import FormatExportAction
from synapse_sdk.plugins.actions.export.formats.target import validate_target
from synapse_sdk.utils.converters import validate_dataset
from synapse_sdk.utils.distribution import installed_version
from tests.backend.factories import boxes
from tests.export.platform import export
from tests.export.support import tree

FORMATS = ("coco", "yolo", "voc", "csv", "jsonl")
POLYGON = {"id": 9, "type": "polygon", "category": "dog", "segmentation": [[10, 10, 60, 10, 60, 60, 10, 60]]}


@pytest.fixture
def project(platform):
    make, project = platform.make, platform.make.project()
    tasks = make.tasks(project, files=True, data=boxes("cat", "dog"), names=["a.jpg", "a.jpg", "../../x.jpg", "b.png"])
    tasks += make.tasks(project, files=True, data={"annotations": [POLYGON]}, names=["p.jpg"])
    make.tag(project, "train", tasks=tasks[:3])
    make.tag(project, "val", tasks=tasks[3:])
    return project["id"]


def convert(platform, tmp_path, project, ctx=None, **params):
    """Export to a folder of this machine; answers its files."""
    given = {"out": str(tmp_path / "target"), "storage": None, "project": project} | params
    result = export(platform, ctx or platform.ctx(), FormatExportAction, **given)
    return result, tree(tmp_path / "target" / "out")


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("split", [None, {"train": 0.5, "val": 0.5}, "tag"])
def test_each_format_is_valid_and_the_same_by_either_head(platform, tmp_path, project, fmt, split):
    found = []
    for number, head in enumerate(({}, {"disable_async_delegate": True})):
        folder = tmp_path / str(number)
        result, files = convert(platform, folder, project, format=fmt, split=split, **head)
        assert (result["exported_count"], result["failed_count"]) == (5, 0)
        assert validate_dataset(fmt, folder / "target" / "out").ok
        found.append(files)
    assert found[0] == found[1]
    record = json.loads(found[0]["export.json"])
    assert record["format"] == fmt
    assert record["is_valid"] is True
    ours = installed_version()
    assert record["versions"] == {"synapse": ours, "plugin": f"synapse/{fmt}@{ours}", "platform": ours}
    assert record["filter"] == {"project": project}
    assert record["report"]["items_in"] == record["report"]["images"] == 5
    assert sum(record["report"]["splits"].values()) == 5
    assert json.loads(found[0]["validation_report.json"])["ok"] is True
    images = [name for name in found[0] if name.endswith((".jpg", ".png"))]
    assert len(images) == 5
    assert not any(".." in name for name in images)


def test_a_class_keeps_the_number_of_its_schema(platform, tmp_path, project):
    _, files = convert(platform, tmp_path, project, format="coco")
    coco = json.loads(files["annotations.json"])
    assert [(category["id"], category["name"]) for category in coco["categories"]] == [(1, "cat"), (2, "dog")]
    assert {annotation["category_id"] for annotation in coco["annotations"]} == {1, 2}


def test_images_can_be_left_out(platform, tmp_path, project):
    result, files = convert(platform, tmp_path, project, format="coco", images="none")
    assert result["exported_count"] == 5
    assert not any(name.endswith((".jpg", ".png")) for name in files)


def test_images_can_be_linked_to_the_bundle(platform, tmp_path, project):
    convert(platform, tmp_path, project, format="coco", images="link")
    images = list((tmp_path / "target" / "out" / "images").iterdir())
    assert len(images) == 5
    assert all(image.stat().st_nlink > 1 for image in images)


def test_an_image_that_is_gone_leaves_its_item_out_and_says_so(platform, tmp_path, project):
    ctx = platform.ctx()
    task = next(iter(ctx.client.get_tasks({"project": project, "search": "b.png"})[0]))
    sha256 = task["files"]["sha256"]
    next((platform.settings.storage_dir / "data").rglob(f"{sha256}*")).unlink()
    result, files = convert(platform, tmp_path, project, format="coco", page_retries=0)
    assert (result["exported_count"], result["failed_count"]) == (4, 1)
    losses = json.loads(files["loss_report.json"])["losses"]
    assert [(loss["item_id"], loss["reason_code"]) for loss in losses] == [(task["id"], "item_skipped")]
    assert json.loads(files["error_file_list.json"])["origin_file_name"][0][0] == "b.png"
    assert len(json.loads(files["annotations.json"])["images"]) == 4


@pytest.mark.parametrize("fmt", ["coco", "yolo", "csv"])
@pytest.mark.parametrize("more", [{}, {"disable_async_delegate": True}])
def test_an_export_of_which_nothing_is_left_fails_and_says_why(platform, tmp_path, project, fmt, more):
    tasks = list(platform.ctx().client.get_tasks({"project": project})[0])
    for sha256 in {task["files"]["sha256"] for task in tasks}:
        next((platform.settings.storage_dir / "data").rglob(f"{sha256}*")).unlink()
    with pytest.raises(RuntimeError, match="None of the 5 items could be exported") as caught:
        convert(platform, tmp_path, project, format=fmt, page_retries=0, **more)
    assert isinstance(caught.value.__cause__, ExportError)
    assert f"item {min(task['id'] for task in tasks)}: the original file could not be fetched" in str(caught.value)
    assert not (tmp_path / "target").exists()


def test_strict_refuses_what_cannot_be_carried_and_leaves_nothing(platform, tmp_path, project):
    make = platform.make
    make.tasks({"id": project, "data_collection_id": _collection(platform, project)}, data=boxes("cat"), files=False)
    with pytest.raises(RuntimeError, match="strict is on: item") as caught:
        convert(platform, tmp_path, project, format="coco", strict=True)
    assert isinstance(caught.value.__cause__, ExportError)
    assert not (tmp_path / "target").exists()


def _collection(platform, project):
    return platform.ctx().v2_client.projects.retrieve(project)["data_collection_id"]


def test_items_whose_tags_name_no_split_are_reported(platform, tmp_path):
    project = platform.make.project()
    tasks = platform.make.tasks(project, 3, files=True, data=boxes("cat"))
    platform.make.tag(project, "train", tasks=tasks[:1])
    result, files = convert(platform, tmp_path, project["id"], format="yolo", split="tag")
    assert (result["exported_count"], result["failed_count"]) == (1, 2)
    assert {loss["message"] for loss in json.loads(files["loss_report.json"])["losses"]} == {
        "no tag of the item names its split"
    }


def test_a_project_without_classes_cannot_be_converted(platform, tmp_path):
    project = platform.make.project(configuration={})
    platform.make.tasks(project, 1, files=True, data=boxes("cat"))
    with pytest.raises(RuntimeError, match="has no class schema"):
        convert(platform, tmp_path, project["id"], format="yolo")
    assert not (tmp_path / "target").exists()


def test_a_data_set_that_breaks_its_rules_fails_and_leaves_nothing(platform, tmp_path, project, monkeypatch):
    def broken(folder, fmt, written):
        report = validate_target(folder, fmt, written)
        report.error("made_up", "a rule is broken", path="annotations.json")
        return report

    # What is not proven on its way is read back by the validator.
    monkeypatch.setattr("synapse_sdk.utils.converters.blocks.worker.is_proven", lambda *_: False)
    monkeypatch.setattr("synapse_sdk.plugins.actions.export.formats.exporter.validate_target", broken)
    ctx = platform.ctx()
    with pytest.raises(RuntimeError, match=r"breaks its format's rules .*a rule is broken"):
        convert(platform, tmp_path, project, ctx, format="coco")
    assert not (tmp_path / "target").exists()


def test_an_empty_selection_is_an_empty_and_valid_data_set(platform, tmp_path, project):
    for fmt in FORMATS:
        filters = {"project": project, "search": "nothing of the kind"}
        result, files = convert(platform, tmp_path / fmt, project, format=fmt, filter=filters)
        assert result["exported_count"] == 0
        assert json.loads(files["export.json"])["is_valid"] is True


def test_ground_truth_finds_the_classes_of_its_project(platform, tmp_path, project):
    make, v2 = platform.make, platform.ctx().v2_client
    tasks = [task["id"] for task in platform.ctx().client.get_tasks({"project": project})[0]]
    make.assignments({"id": project}, tasks[:2], data=boxes("dog"), status_label="completed")
    dataset = v2.ground_truth_datasets.create(project=project, name="curated")["id"]
    v2.ground_truth_datasets.collect(dataset, {})
    version = v2.ground_truth_datasets.release(dataset, "1")["id"]
    filters = {"ground_truth_dataset_version": version}
    _, files = convert(platform, tmp_path, project, format="coco", target="ground_truth", filter=filters)
    coco = json.loads(files["annotations.json"])
    assert len(coco["images"]) == 2
    assert {annotation["category_id"] for annotation in coco["annotations"]} == {2}


def test_a_storage_takes_a_data_set_as_well(platform, tmp_path, project):
    export(platform, platform.ctx(), FormatExportAction, project=project, format="voc")
    assert validate_dataset("voc", platform.outputs / "out").ok
