"""YOLO labels: one kind of row per data set, values in [0, 1], and what happens to the rest."""

from pathlib import Path

import pytest
import yaml

from synapse_sdk.utils.converters import YoloOptions, YoloTask, create_writer, validate_dataset
from synapse_sdk.utils.converters.shapes.geometry import polygon_area
from tests.converters.factory import YOLO, box, item, losses, polygon, schema, write


def rows(folder: Path, split: str = "train", stem: str = "1") -> list[list[float]]:
    text = (folder / "labels" / split / f"{stem}.txt").read_text()
    return [[float(value) for value in line.split()] for line in text.splitlines()]


def test_a_box_is_its_centre_and_size_relative_to_the_image(tmp_path: Path):
    write(tmp_path, "yolo", [item(1, box(16, 12, 32, 24, category="dog"))])
    assert rows(tmp_path) == [[1, 0.5, 0.5, 0.5, 0.5]]


def test_an_image_without_objects_gets_an_empty_label_file(tmp_path: Path):
    report = write(tmp_path, "yolo", [item(1)])
    assert rows(tmp_path) == []
    assert report.images == 1


def test_the_description_pins_the_classes_in_the_schemas_order(tmp_path: Path):
    write(tmp_path, "yolo", [item(1, box(category="zebra"))], classes=schema("zebra", "ant", "mule: 2", first=4))
    description = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert description["nc"] == 3
    assert description["names"] == {0: "zebra", 1: "ant", 2: "mule: 2"}
    assert (description["train"], description["val"]) == ("images/train", "images/train")


def test_splits_have_their_folders(tmp_path: Path):
    with create_writer("yolo", tmp_path, classes=schema()) as writer:
        for number, split in enumerate(("train", "val", "test"), 1):
            writer.write(item(number, box()), f"{number}.png", split)
    description = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert [description[s] for s in ("train", "val", "test")] == ["images/train", "images/val", "images/test"]
    assert (tmp_path / "labels/test/3.txt").is_file()
    assert writer.image_path("3.png", "test") == "images/test/3.png"


def test_the_descriptions_name_stays_in_the_folder(tmp_path: Path):
    write(tmp_path / "a", "yolo", [item(1)], options=YoloOptions(yaml_name="../../dataset.yaml"))
    assert (tmp_path / "a" / "dataset.yaml").is_file()


def test_detection_reduces_a_polygon_to_its_box_and_says_so(tmp_path: Path):
    report = write(tmp_path, "yolo", [item(1, box(), polygon(16, 12, 48, 12, 48, 36))])
    assert losses(report) == [(1, "#2", "geometry_reduced")]
    assert rows(tmp_path)[1] == [0, 0.5, 0.5, 0.5, 0.5]


def test_attributes_and_score_are_reported_by_name(tmp_path: Path):
    report = write(tmp_path, "yolo", [item(1, box(attributes={"speed": 3}, score=0.4, iscrowd=1))])
    (skip,) = report.skipped
    assert (skip.reason_code, skip.reason_code.is_reduction) == ("attributes_dropped", True)
    assert "speed, score, iscrowd" in skip.message


def test_a_second_object_at_the_same_place_is_listed_not_written_twice(tmp_path: Path):
    report = write(tmp_path, "yolo", [item(1, box(), box(), box(category="dog"))])
    assert losses(report) == [(1, "#2", "duplicate_row")]
    assert report.per_class == {"cat": 1, "dog": 1}
    assert len(rows(tmp_path)) == 2


def test_segmentation_rows_are_polygons_only(tmp_path: Path):
    report = write(tmp_path, "yolo", [item(1, box(), polygon())], options=YOLO[YoloTask.SEGMENT])
    assert [len(row) for row in rows(tmp_path)] == [9, 7]
    assert report.conversions == {"bbox_to_polygon": 1}
    assert not losses(report)


def test_parts_of_one_object_stay_one_object_of_the_same_area(tmp_path: Path):
    parts = [[1, 1, 11, 1, 11, 11, 1, 11], [30, 30, 40, 30, 40, 40, 30, 40]]
    report = write(tmp_path, "yolo", [item(1, polygon(segmentation=parts))], options=YOLO[YoloTask.SEGMENT])
    (row,) = rows(tmp_path)
    points = [value * (64, 48)[i % 2] for i, value in enumerate(row[1:])]
    assert polygon_area(points) == pytest.approx(200, abs=0.01)
    assert losses(report) == [(1, "#1", "geometry_reduced")]


def test_a_mask_becomes_the_outline_around_its_pixels(tmp_path: Path):
    runs = [0, 10] + [38, 10] * 9 + [48 * 64 - 10 - 48 * 9]
    mask = {"type": "mask", "category": "cat", "segmentation": {"size": [48, 64], "counts": runs}}
    report = write(tmp_path, "yolo", [item(1, mask)], options=YOLO[YoloTask.SEGMENT])
    (row,) = rows(tmp_path)
    points = [value * (64, 48)[i % 2] for i, value in enumerate(row[1:])]
    assert polygon_area(points) == pytest.approx(100, abs=1)
    assert max(points) <= 10.01
    assert losses(report) == [(1, "#1", "geometry_reduced")]


def test_pose_rows_have_one_length(tmp_path: Path):
    classes = schema("cat", "dog", keypoints=["a", "b"])
    full = box(type="keypoints", keypoints=[16, 12, 2, 0, 0, 0])
    report = write(tmp_path, "yolo", [item(1, full, box(category="dog"))], classes=classes, options=YOLO[YoloTask.POSE])
    first, second = rows(tmp_path)
    assert first[5:] == [0.25, 0.25, 2, 0, 0, 0]
    assert second[5:] == [0] * 6
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["kpt_shape"] == [2, 3]
    assert not losses(report)


def test_a_pose_export_without_any_keypoints_is_found_invalid(tmp_path: Path):
    report = write(tmp_path, "yolo", [item(1, box())], options=YOLO[YoloTask.POSE])
    assert "bad_description" in validate_dataset("yolo", tmp_path, written=report).error_counts


def test_turned_boxes_are_their_four_corners(tmp_path: Path):
    turned = box(20, 20, 20, 10, type="rotated_bbox", rotation=90)
    report = write(tmp_path, "yolo", [item(1, turned, box())], options=YOLO[YoloTask.OBB])
    first, second = rows(tmp_path)
    assert first[1:] == pytest.approx(
        [35 / 64, 15 / 48, 35 / 64, 35 / 48, 25 / 64, 35 / 48, 25 / 64, 15 / 48], abs=1e-6
    )
    assert len(second) == 9
    assert not losses(report)


def test_a_polygon_becomes_the_smallest_turned_box_around_it(tmp_path: Path):
    diamond = polygon(20, 10, 30, 20, 20, 30, 10, 20, 11, 20.5)
    report = write(tmp_path, "yolo", [item(1, diamond)], options=YOLO[YoloTask.OBB])
    (row,) = rows(tmp_path)
    points = [value * (64, 48)[i % 2] for i, value in enumerate(row[1:])]
    assert polygon_area(points) == pytest.approx(200, rel=0.06)
    assert losses(report) == [(1, "#1", "geometry_reduced")]


@pytest.mark.parametrize("task", list(YoloTask))
def test_every_task_passes_its_own_rules_whatever_comes_in(tmp_path: Path, task: YoloTask):
    classes = schema("cat", "dog", keypoints=["a", "b"])
    everything = [
        box(),
        box(-5, -5, 30, 30),
        box(w=0),
        polygon(),
        polygon(-3, 5, 70, 6, 25, 60),
        box(50, 30, 20, 16, type="rotated_bbox", rotation=33),
        box(type="keypoints", keypoints=[11, 13, 2, 90, 14, 1]),
        {"type": "mask", "category": "dog", "segmentation": {"size": [48, 64], "counts": [500, 30, 3072 - 530]}},
        {"type": "classification", "category": "dog"},
        {"type": "keypoints", "category": "cat", "keypoints": [5, 5, 2, 9, 9, 2]},
    ]
    report = write(tmp_path, "yolo", [item(1, *everything), item(2)], classes=classes, options=YOLO[task])
    validation = validate_dataset("yolo", tmp_path, written=report)
    assert validation.ok, validation.errors
    assert report.annotations_in == report.annotations + report.annotations_skipped == len(everything)
    listed = {skip.annotation_id for skip in report.skipped if not skip.reason_code.is_reduction}
    assert {"#3", "#9"} <= listed
    assert len(listed) == report.annotations_skipped


@pytest.mark.parametrize("fmt", ["yolo", "voc"])
def test_tags_that_a_format_has_no_place_for_are_in_the_loss_report(tmp_path: Path, fmt: str):
    with create_writer(fmt, tmp_path, classes=schema()) as writer:
        writer.write({**item(1, box()), "tags": ["train", "night"]}, "1.png", "train")
        report = writer.close()
    assert [(skip.item_id, skip.message) for skip in report.skipped] == [
        (1, "the format has no place for the tags night")
    ]
