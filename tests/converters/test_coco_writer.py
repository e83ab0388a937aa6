"""COCO files: ids, geometry, what is reported, and what is left on disk after a failure."""

import json
from pathlib import Path

import pytest

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters import CocoTask, VocOptions, create_writer
from tests.converters.factory import COCO, box, item, losses, polygon, schema, write

RLE = {"size": [48, 64], "counts": [0, 48, 48 * 63]}


def load(folder: Path, name: str = "annotations.json") -> dict:
    return json.loads((folder / name).read_text())


def test_image_ids_are_the_data_units_and_annotation_ids_count_from_one(tmp_path: Path):
    rows = [item(7, box(), box()) | {"id": 100}, item(3, box()) | {"id": 101}]
    write(tmp_path, "coco", rows)
    coco = load(tmp_path)
    assert [image["id"] for image in coco["images"]] == [7, 3]
    assert [(a["id"], a["image_id"]) for a in coco["annotations"]] == [(1, 7), (2, 7), (3, 3)]


def test_category_ids_are_those_of_the_schema_even_with_gaps(tmp_path: Path):
    classes = schema("zebra", "ant", first=5)
    write(tmp_path, "coco", [item(1, box(category="ant"))], classes=classes)
    coco = load(tmp_path)
    assert [(c["id"], c["name"]) for c in coco["categories"]] == [(5, "zebra"), (6, "ant")]
    assert coco["annotations"][0]["category_id"] == 6


def test_two_items_of_one_data_unit_get_two_image_ids_and_a_note(tmp_path: Path):
    rows = [item(1, box()) | {"id": 50}, item(1, box()) | {"id": 51}]
    with create_writer("coco", tmp_path, classes=schema()) as writer:
        for row, name in zip(rows, ("a.png", "a(1).png"), strict=True):
            writer.write(row, name)
    assert [image["id"] for image in load(tmp_path)["images"]] == [1, 51]
    assert losses(writer.report) == [(51, None, "image_id_reassigned")]


def test_an_item_without_a_data_unit_id_uses_its_own(tmp_path: Path):
    row = item(9, box())
    del row["data_unit"]["id"]
    write(tmp_path, "coco", [row])
    assert load(tmp_path)["images"][0]["id"] == 9


def test_an_empty_image_stays_and_an_item_without_data_is_noted(tmp_path: Path):
    report = write(tmp_path, "coco", [item(1), item(2) | {"data": None}])
    assert len(load(tmp_path)["images"]) == 2
    assert losses(report) == [(2, None, "no_data")]
    assert (report.items_in, report.images, report.items_skipped) == (2, 2, 0)


def test_an_item_of_unknown_size_is_skipped_with_all_its_annotations(tmp_path: Path):
    report = write(tmp_path, "coco", [item(1, box(), box(), size=None), item(2, box())])
    assert (report.items_in, report.images, report.items_skipped) == (2, 1, 1)
    assert (report.annotations_in, report.annotations, report.annotations_skipped) == (3, 1, 2)
    assert losses(report) == [(1, None, "size_unknown")]


@pytest.mark.parametrize(
    ("annotation", "code"),
    [
        (box(category="ghost"), "unknown_class"),
        (box(category=None), "unknown_class"),
        (box(category=["cat"]), "invalid_geometry"),
        (box(w=0), "zero_area"),
        (box(h=-3), "zero_area"),
        (box(x=100), "outside_image"),
        (box(x=float("nan")), "invalid_geometry"),
        (box(x=float("inf")), "invalid_geometry"),
        (box(bbox="10,12,20,15"), "invalid_geometry"),
        (box(bbox=[1, 2, 3]), "invalid_geometry"),
        (box(bbox=None), "invalid_geometry"),
        (polygon(1, 2, 3, 4), "invalid_geometry"),
        (polygon(1, 2, 3, 4, 5), "invalid_geometry"),
        (polygon(1, 1, 2, 2, 3, 3), "zero_area"),
        (polygon(70, 1, 80, 2, 90, 30), "outside_image"),
        (polygon(segmentation={"size": [48, 64], "counts": [0, 5]}), "invalid_geometry"),
        (polygon(segmentation={"size": [10, 10], "counts": [0, 100]}), "invalid_geometry"),
        (polygon(segmentation={"size": [48, 64], "counts": [48 * 64]}), "zero_area"),
        (polygon(segmentation={"size": [48, 64], "counts": "!"}), "invalid_geometry"),
        ({"type": "classification", "category": "cat"}, "geometry_unsupported"),
        ({"type": "polyline", "category": "cat", "segmentation": [[1, 1, 2, 2, 3, 3]]}, "geometry_unsupported"),
        ("not an object", "invalid_geometry"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_is_listed_and_the_rest_is_written(tmp_path: Path, annotation, code):
    report = write(tmp_path, "coco", [item(1, annotation, box())])
    assert losses(report) == [(1, "#1", code)]
    assert (report.annotations_in, report.annotations, report.annotations_skipped) == (2, 1, 1)
    assert [a["id"] for a in load(tmp_path)["annotations"]] == [1]
    assert report.per_class == {"cat": 1, "dog": 0}


def test_a_box_beyond_the_image_is_cut_and_listed_by_its_own_id(tmp_path: Path):
    report = write(tmp_path, "coco", [item(1, box(x=-4, w=10, id="b-1"))])
    assert load(tmp_path)["annotations"][0]["bbox"] == [0, 12, 6, 15]
    assert losses(report) == [(1, "b-1", "clipped")]


def test_rounding_at_the_edge_is_no_loss(tmp_path: Path):
    report = write(tmp_path, "coco", [item(1, box(x=44.000001, w=20))])
    assert not losses(report)
    kept = load(tmp_path)["annotations"][0]["bbox"]
    assert kept[0] + kept[2] <= 64


def test_polygons_masks_attributes_score_and_crowd_are_kept(tmp_path: Path):
    mask = {"type": "mask", "category": "dog", "segmentation": RLE, "iscrowd": 1}
    report = write(tmp_path, "coco", [item(1, polygon(attributes={"color": "red"}, score=0.5), mask)])
    first, second = load(tmp_path)["annotations"]
    assert first["segmentation"] == [[5, 5, 30, 6, 25, 40]]
    assert first["bbox"] == [5, 5, 25, 35]
    assert first["area"] == 427.5
    assert (first["attributes"], first["score"]) == ({"color": "red"}, 0.5)
    assert second["segmentation"] == RLE
    assert (second["bbox"], second["area"], second["iscrowd"]) == ([0, 0, 1, 48], 48, 1)
    assert not losses(report)


def test_a_turned_box_becomes_the_polygon_of_its_corners_where_it_is(tmp_path: Path):
    turned = box(20, 20, 20, 10, type="rotated_bbox", rotation=90)
    report = write(tmp_path, "coco", [item(1, turned)])
    found = load(tmp_path)["annotations"][0]
    assert found["bbox"] == pytest.approx([25, 15, 10, 20])
    assert found["segmentation"][0] == pytest.approx([35, 15, 35, 35, 25, 35, 25, 15])
    assert losses(report) == [(1, "#1", "geometry_reduced")]


def test_the_segmentation_task_gives_every_object_an_outline(tmp_path: Path):
    report = write(tmp_path, "coco", [item(1, box())], options=COCO[CocoTask.SEGMENTATION])
    assert load(tmp_path)["annotations"][0]["segmentation"] == [[10, 12, 30, 12, 30, 27, 10, 27]]
    assert report.conversions == {"bbox_to_polygon": 1}
    assert not losses(report)


def test_keypoints_follow_the_schema_and_a_mismatch_is_listed(tmp_path: Path):
    classes = schema("cat", keypoints=["nose", "tail"])
    good = box(type="keypoints", keypoints=[11, 13, 2, 0, 0, 0])
    bad = box(type="keypoints", keypoints=[11, 13, 2])
    report = write(tmp_path, "coco", [item(1, good, bad, box())], classes=classes, options=COCO[CocoTask.KEYPOINTS])
    first, second = load(tmp_path)["annotations"]
    assert (first["keypoints"], first["num_keypoints"]) == ([11, 13, 2, 0, 0, 0], 1)
    assert (second["keypoints"], second["num_keypoints"]) == ([0] * 6, 0)
    assert load(tmp_path)["categories"][0]["keypoints"] == ["nose", "tail"]
    assert losses(report) == [(1, "#2", "keypoints_mismatch")]


def test_splits_go_to_the_files_that_coco_names(tmp_path: Path):
    with create_writer("coco", tmp_path, classes=schema()) as writer:
        writer.write(item(1, box()), "1.png", "train")
        writer.write(item(2, box()), "2.png", "val")
    train = load(tmp_path, "annotations/instances_train.json")
    val = load(tmp_path, "annotations/instances_val.json")
    assert [a["id"] for a in train["annotations"] + val["annotations"]] == [1, 2]
    assert writer.image_path("1.png", "train") == "images/train/1.png"
    assert writer.report.splits == {"train": 1, "val": 1}


def test_no_items_still_make_a_valid_file(tmp_path: Path):
    write(tmp_path, "coco", [])
    assert load(tmp_path)["images"] == []


def test_the_same_items_give_the_same_bytes(tmp_path: Path):
    rows = [item(n, box(), polygon()) for n in range(1, 30)]
    write(tmp_path / "a", "coco", rows)
    write(tmp_path / "b", "coco", rows)
    assert (tmp_path / "a/annotations.json").read_bytes() == (tmp_path / "b/annotations.json").read_bytes()


def test_a_failure_leaves_no_unfinished_file(tmp_path: Path):
    def broken():
        yield item(1, box())
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write(tmp_path, "coco", broken(), with_images=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fmt", ["coco", "csv", "jsonl"])
def test_a_full_disk_is_an_error_and_leaves_no_unfinished_file(tmp_path: Path, fmt: str):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    rows = [item(number, *[box(attributes={"text": "x" * 200})] * 20) for number in range(1, 400)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(tmp_path, fmt, rows, with_images=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_item_that_the_caller_lost_is_counted(tmp_path: Path):
    with create_writer("coco", tmp_path, classes=schema()) as writer:
        writer.skip(4, "the original file is gone")
    assert (writer.report.items_in, writer.report.images, writer.report.items_skipped) == (1, 0, 1)
    assert losses(writer.report) == [(4, None, "item_skipped")]


def test_options_of_another_format_and_twin_classes_are_refused(tmp_path: Path):
    with pytest.raises(FormatError, match="CocoOptions"):
        create_writer("coco", tmp_path, classes=schema(), options=VocOptions())
    with pytest.raises(FormatError, match="share a name"):
        create_writer("coco", tmp_path, classes=schema("cat", "cat"))
    with pytest.raises(FormatError, match="no format 'koko'"):
        create_writer("koko", tmp_path, classes=schema())
