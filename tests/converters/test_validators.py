"""Validators find each rule broken, name the place, and keep what they hold in memory bounded."""

import json
from pathlib import Path

import pytest

from synapse_sdk.utils.converters import YoloTask, validate_dataset
from synapse_sdk.utils.converters.records import MAX_FINDINGS
from tests.converters.factory import YOLO, box, coco_annotation, coco_json, item, polygon, save_image, write


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": 0}, "bad_id"),
        ({"id": None}, "bad_id"),
        ({"id": "a"}, "bad_id"),
        ({"image_id": 9}, "image_unknown"),
        ({"category_id": 9}, "category_unknown"),
        ({"bbox": [1, 2, 0, 5]}, "bad_box"),
        ({"bbox": [1, 2, 5]}, "bad_box"),
        ({"bbox": [60, 2, 10, 5]}, "bad_box"),
        ({"bbox": [-1, 2, 10, 5]}, "bad_box"),
        ({"area": 0}, "bad_area"),
        ({"area": None}, "bad_area"),
        ({"iscrowd": 2}, "bad_iscrowd"),
        ({"segmentation": [[1, 2, 3, 4]]}, "bad_segmentation"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "bad_segmentation"),
        ({"segmentation": [1, 2, 3, 4, 5, 6]}, "bad_segmentation"),
        ({"segmentation": {"size": [48, 64], "counts": [5, 5]}}, "bad_geometry"),
        ({"segmentation": {"size": [64, 48], "counts": [3072]}}, "bad_segmentation"),
        ({"segmentation": {"counts": [3072]}}, "bad_geometry"),
        ({"keypoints": [1, 2]}, "bad_keypoints"),
        ({"keypoints": [1, 2, 3], "num_keypoints": 1}, "bad_keypoints"),
        ({"keypoints": [1, 2, 2], "num_keypoints": 0}, "bad_keypoints"),
        ({"keypoints": [1, 2, 2], "num_keypoints": 1}, "bad_keypoints"),
        ({"bbox": "wide"}, "malformed"),
    ],
)
def test_a_broken_coco_rule_is_found(tmp_path: Path, change: dict, code: str):
    coco_json(tmp_path / "annotations.json", annotations=[coco_annotation(), coco_annotation(**{"id": 2} | change)])
    report = validate_dataset("coco", tmp_path)
    assert code in report.error_counts, report.errors
    assert not report.ok


@pytest.mark.parametrize(
    ("sections", "code"),
    [
        ({"annotations": [coco_annotation(), coco_annotation()]}, "duplicate_id"),
        ({"images": [{"id": 1, "file_name": n, "width": 64, "height": 48} for n in "ab"]}, "duplicate_id"),
        (
            {"images": [{"id": i, "file_name": "a.png", "width": 64, "height": 48} for i in (1, 2)]},
            "duplicate_file_name",
        ),
        ({"images": [{"id": 1, "file_name": "a.png"}]}, "bad_size"),
        ({"images": [{"id": 0, "file_name": "a.png", "width": 64, "height": 48}]}, "bad_id"),
        ({"images": [{"id": 1, "file_name": "gone.png", "width": 64, "height": 48}]}, "image_missing"),
        ({"categories": [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}]}, "duplicate_id"),
        ({"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "cat"}]}, "duplicate_name"),
        ({"categories": [{"id": 0, "name": "cat"}]}, "bad_id"),
    ],
)
def test_a_broken_coco_section_is_found(tmp_path: Path, sections: dict, code: str):
    coco_json(tmp_path / "annotations.json", **sections)
    assert code in validate_dataset("coco", tmp_path).error_counts


def test_coco_annotations_in_front_of_their_images_are_checked_all_the_same(tmp_path: Path):
    content = {
        "annotations": [coco_annotation(), coco_annotation(id=2, image_id=5)],
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    report = validate_dataset("coco", tmp_path)
    assert report.error_counts == {"image_unknown": 1}
    assert report.counts["annotations"] == 2


def test_a_torn_coco_file_is_found(tmp_path: Path):
    file = coco_json(tmp_path / "annotations.json", annotations=[coco_annotation()])
    file.write_bytes(file.read_bytes()[:-9])
    assert validate_dataset("coco", tmp_path).error_counts["malformed"] == 1


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("0 0.5 0.5 0.1 0.1\n0 0.1 0.1 0.2 0.1 0.2 0.2", "mixed_rows"),
        ("0 0.5 0.5 0.1", "mixed_rows"),
        ("0 1.5 0.5 0.1 0.1", "out_of_range"),
        ("0 -0.5 0.5 0.1 0.1", "out_of_range"),
        ("0 0.5 0.5 0 0.1", "bad_box"),
        ("2 0.5 0.5 0.1 0.1", "bad_class"),
        ("0.5 0.5 0.5 0.1 0.1", "bad_row"),
        ("0 0.5 nan 0.1 0.1", "bad_row"),
        ("0 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1", "duplicate_row"),
        ("0 0.5 0.5 0.1 0.1\n\n0 0.4 0.5 0.1 0.1", "empty_row"),
    ],
)
def test_a_broken_yolo_row_is_found(tmp_path: Path, rows: str, code: str):
    write(tmp_path, "yolo", [item(1, box())])
    (tmp_path / "labels/train/1.txt").write_text(rows + "\n")
    report = validate_dataset("yolo", tmp_path)
    assert set(report.error_counts) == {code}


def test_a_foreign_yolo_set_without_a_stated_task_must_not_mix_rows_across_files(tmp_path: Path):
    write(tmp_path, "yolo", [item(1, box()), item(2, polygon())], options=YOLO[YoloTask.SEGMENT])
    description = (tmp_path / "data.yaml").read_text()
    (tmp_path / "data.yaml").write_text(description.replace("task: segment", ""))
    assert validate_dataset("yolo", tmp_path).ok
    (tmp_path / "labels/train/2.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert set(validate_dataset("yolo", tmp_path).error_counts) == {"mixed_rows"}


def test_yolo_images_and_labels_must_pair(tmp_path: Path):
    write(tmp_path, "yolo", [item(1, box()), item(2, box())])
    (tmp_path / "labels/train/1.txt").unlink()
    (tmp_path / "images/train/2.png").unlink()
    save_image(tmp_path / "images/train/1.jpg")
    codes = set(validate_dataset("yolo", tmp_path).error_counts)
    assert codes == {"label_missing", "duplicate_file_name"}
    (tmp_path / "labels/train/3.txt").write_text("")
    assert "image_missing" in validate_dataset("yolo", tmp_path).error_counts


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<xmin>11</xmin>", "<xmin>31</xmin>", "bad_box"),
        ("<xmin>11</xmin>", "<xmin>0</xmin>", "bad_box"),
        ("<xmax>30</xmax>", "<xmax>65</xmax>", "bad_box"),
        ("<xmax>30</xmax>", "<xmax>nan</xmax>", "bad_box"),
        ("<xmax>30</xmax>", "", "bad_box"),
        ("<name>cat</name>", "<name> </name>", "bad_class"),
        ("<truncated>0", "<truncated>maybe", "bad_flag"),
        ("<width>64", "<width>-1", "bad_size"),
        ("<filename>1.png", "<filename>other.png", "bad_file_name"),
        ("</annotation>", "", "malformed"),
        ("<annotation>", "<!DOCTYPE annotation>\n<annotation>", "malformed"),
    ],
)
def test_a_broken_voc_rule_is_found(tmp_path: Path, old: str, new: str, code: str):
    write(tmp_path, "voc", [item(1, box())])
    file = tmp_path / "Annotations/1.xml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    assert code in validate_dataset("voc", tmp_path).error_counts


def test_voc_lists_and_files_must_agree(tmp_path: Path):
    write(tmp_path, "voc", [item(1), item(2)])
    (tmp_path / "ImageSets/Main/trainval.txt").write_text("1\n1\n3\n")
    codes = validate_dataset("voc", tmp_path).error_counts
    assert codes["duplicate_name"] == 1
    assert codes["annotation_missing"] == 1
    (tmp_path / "ImageSets/Main/trainval.txt").write_text("1\n")
    assert validate_dataset("voc", tmp_path).error_counts == {"not_listed": 1}


@pytest.mark.parametrize(
    ("fmt", "old", "new", "code"),
    [
        ("csv", ",10,12,20,15,", ",10,12,-20,15,", "bad_annotation"),
        ("csv", ",10,12,20,15,", ",ten,12,20,15,", "malformed"),
        ("csv", "category", "label", "malformed"),
        ("csv", "1.png", "", "bad_file_name"),
        ("csv", "1.png", "9.png", "image_missing"),
        ("jsonl", "[10,12,20,15]", "[10,12,20,0]", "bad_annotation"),
        ("jsonl", "[10,12,20,15]", "[10,12,20]", "bad_annotation"),
        ("jsonl", '"annotations":', '"annotations":7,"x":', "malformed"),
        ("jsonl", "1.png", "9.png", "image_missing"),
    ],
)
def test_a_broken_table_is_found(tmp_path: Path, fmt: str, old: str, new: str, code: str):
    write(tmp_path, fmt, [item(1, box())])
    file = tmp_path / f"annotations.{fmt}"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    report = validate_dataset(fmt, tmp_path)
    assert code in report.error_counts, report.errors


@pytest.mark.parametrize("fmt", ["coco", "yolo", "voc", "csv", "jsonl"])
def test_other_counts_than_were_written_are_an_error(tmp_path: Path, fmt: str):
    report = write(tmp_path, fmt, [item(1, box())], with_images=False)
    assert validate_dataset(fmt, tmp_path, written=report).ok
    report.annotations += 1
    assert validate_dataset(fmt, tmp_path, written=report).error_counts == {"count_mismatch": 1}


@pytest.mark.parametrize("fmt", ["coco", "yolo", "voc", "csv", "jsonl"])
def test_nothing_there_is_an_error(tmp_path: Path, fmt: str):
    assert not validate_dataset(fmt, tmp_path / "nowhere").ok


def test_all_findings_are_counted_and_the_first_are_kept(tmp_path: Path):
    rows = [coco_annotation(id=n, area=0) for n in range(1, MAX_FINDINGS + 51)]
    coco_json(tmp_path / "annotations.json", annotations=rows)
    report = validate_dataset("coco", tmp_path)
    assert report.error_counts == {"bad_area": MAX_FINDINGS + 50}
    assert len(report.errors) == MAX_FINDINGS
    assert json.loads(json.dumps(report.to_dict()))["ok"] is False
