"""Pascal VOC, CSV and JSONL files."""

import csv
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from synapse_sdk.utils.converters import create_writer, validate_dataset
from tests.converters.factory import box, item, losses, polygon, read, schema, write


def voc_object(folder: Path) -> dict[str, str]:
    root = ET.parse(folder / "Annotations" / "1.xml").getroot()
    return {element.tag: (element.text or "").strip() for element in root.find("object").iter()}


def test_voc_counts_pixels_from_one_with_both_ends_included(tmp_path: Path):
    write(tmp_path, "voc", [item(1, box(0, 0, 64, 48))])
    found = voc_object(tmp_path)
    assert [found[tag] for tag in ("xmin", "ymin", "xmax", "ymax")] == ["1", "1", "64", "48"]


def test_voc_writes_its_flags_and_pose(tmp_path: Path):
    attributes = {"truncated": True, "occluded": 1, "difficult": False, "pose": "Left"}
    report = write(tmp_path, "voc", [item(1, box(attributes=attributes))])
    found = voc_object(tmp_path)
    assert [found[tag] for tag in ("truncated", "occluded", "difficult", "pose")] == ["1", "1", "0", "Left"]
    assert not losses(report)


def test_voc_reports_what_it_has_no_place_for(tmp_path: Path):
    rows = [
        box(attributes={"color": "red"}),
        polygon(),
        box(w=0.5),
        box(type="rotated_bbox", rotation=10),
        box(score=0.9),
    ]
    report = write(tmp_path, "voc", [item(1, *rows)])
    assert losses(report) == [
        (1, "#1", "attributes_dropped"),
        (1, "#2", "geometry_reduced"),
        (1, "#3", "too_small"),
        (1, "#4", "geometry_reduced"),
        (1, "#5", "attributes_dropped"),
    ]
    assert validate_dataset("voc", tmp_path, written=report).ok


def test_voc_survives_names_that_mean_something_in_xml(tmp_path: Path):
    name = 'a<b>&"c"\x01 é'
    write(tmp_path, "voc", [item(1, box(category=name))], classes=schema(name))
    (found,), bad = read("voc", tmp_path)
    assert found.data["annotations"][0]["category"] == name.replace("\x01", "\ufffd")
    assert not bad


def test_voc_lists_each_split_and_the_classes(tmp_path: Path):
    with create_writer("voc", tmp_path, classes=schema("zebra", "ant")) as writer:
        writer.write(item(1, box(category="ant")), "my photo.png", "train")
        writer.write(item(2), "b.png", "val")
    assert (tmp_path / "ImageSets/Main/train.txt").read_text() == "my photo\n"
    assert (tmp_path / "ImageSets/Main/val.txt").read_text() == "b\n"
    assert (tmp_path / "labelmap.txt").read_text().splitlines()[1:] == ["zebra:::", "ant:::"]
    found, _ = read("voc", tmp_path)
    assert {source.name: source.split for source in found} == {"my photo.png": "train", "b.png": "val"}


def test_csv_has_a_row_per_annotation_and_one_for_an_empty_image(tmp_path: Path):
    rows = [item(1, box(attributes={"a": [1, "x,y"]}), polygon()), item(2)]
    report = write(tmp_path, "csv", rows)
    with (tmp_path / "annotations.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [(row["item_id"], row["type"], row["category"]) for row in found] == [
        ("1", "bbox", "cat"),
        ("1", "polygon", "cat"),
        ("2", "", ""),
    ]
    assert json.loads(found[0]["attributes"]) == {"a": [1, "x,y"]}
    assert [found[0][column] for column in ("x", "y", "width", "height")] == ["10", "12", "20", "15"]
    assert validate_dataset("csv", tmp_path, written=report).ok


@pytest.mark.parametrize("fmt", ["coco", "yolo", "voc", "csv"])
def test_fields_beyond_the_schema_are_listed_by_name(tmp_path: Path, fmt: str):
    report = write(tmp_path, fmt, [item(1, box(custom=[1]), box(x=1, other=None))])
    (skip,) = report.skipped
    assert (skip.annotation_id, skip.reason_code) == ("#1", "attributes_dropped")
    assert "custom" in skip.message
    assert report.annotations == 2


def test_jsonl_keeps_everything_of_an_annotation(tmp_path: Path):
    annotation = box(id="x", rotation=12.5, attributes={"deep": {"er": [1]}}, score=0.25, custom="kept")
    write(tmp_path, "jsonl", [item(1, annotation, tags=["t"])])
    line = json.loads((tmp_path / "annotations.jsonl").read_text())
    assert line["annotations"] == [annotation]
    assert (line["id"], line["file_name"], line["width"], line["height"]) == (1, "1.png", 64, 48)
    assert line["tags"] == ["t"]


@pytest.mark.parametrize("fmt", ["csv", "jsonl"])
def test_tables_need_no_image_size_but_pass_no_broken_geometry_on(tmp_path: Path, fmt: str):
    broken = [box(w=0), box(x=float("nan")), polygon(1, 2, 3), box(type="blob"), box(category="ghost")]
    report = write(tmp_path, fmt, [item(1, box(), *broken, size=None)], with_images=False)
    assert [code for _, _, code in losses(report)] == [
        "zero_area",
        "invalid_geometry",
        "invalid_geometry",
        "geometry_unsupported",
        "unknown_class",
    ]
    assert validate_dataset(fmt, tmp_path, written=report).ok


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "voc"])
def test_a_failure_leaves_no_unfinished_file(tmp_path: Path, fmt: str):
    def broken():
        yield item(1, box())
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        write(tmp_path, fmt, broken(), with_images=False)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".part", ".csv", ".jsonl", ".txt"}]
