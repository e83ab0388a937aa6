"""Readers on data as it is found: what is wrong is named by file and line, and the rest is read."""

import json
import shutil
from pathlib import Path

import pytest

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters import BadFile, read_classes, read_dataset
from tests.converters.factory import annotations, box, coco_annotation, coco_json, item, read, save_image, write

RACCOON = Path(__file__).parents[3] / "shared" / "data" / "raccoon"

OBJECT = (
    "<object><name>cat</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)


def voc(folder: Path, *objects: str, name: str = "a", head: str = "") -> Path:
    size = "<size><width>64</width><height>48</height><depth>3</depth></size>"
    text = f"{head}<annotation>\n<filename>{name}.png</filename>\n{size}\n" + "\n".join(objects) + "\n</annotation>"
    file = folder / "Annotations" / f"{name}.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    save_image(folder / "JPEGImages" / f"{name}.png")
    return file


def yolo(folder: Path, *rows: str, **description: object) -> Path:
    (folder / "labels/train").mkdir(parents=True)
    (folder / "labels/train/a.txt").write_text("\n".join(rows))
    save_image(folder / "images/train/a.png")
    file = folder / "data.yaml"
    file.write_text(json.dumps({"train": "images/train", "names": ["cat", "dog"]} | description))
    return file


def codes(bad: list[BadFile]) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.line) for problem in bad]


def test_voc_boxes_count_from_one(tmp_path: Path):
    voc(tmp_path, OBJECT.format(1, 1, 64, 48))
    (source,), bad = read("voc", tmp_path)
    assert annotations([source]) == [{"id": 1, "type": "bbox", "category": "cat", "bbox": [0, 0, 64, 48]}]
    assert source.image_path == tmp_path / "JPEGImages/a.png"
    assert not bad


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (OBJECT.format(30, 10, 20, 20), "zero_area"),
        (OBJECT.format(90, 10, 99, 20), "outside_image"),
        (OBJECT.format("nan", 10, 20, 20), "invalid_geometry"),
        (OBJECT.format("left", 10, 20, 20), "invalid_geometry"),
        (OBJECT.format("", 10, 20, 20), "invalid_geometry"),
        ("<object><name>cat</name></object>", "invalid_geometry"),
        ("<object><name></name></object>", "invalid_geometry"),
    ],
)
def test_a_broken_voc_object_is_named_by_its_line_and_the_others_are_read(tmp_path: Path, broken: str, code: str):
    voc(tmp_path, OBJECT.format(1, 1, 9, 9), broken)
    found, bad = read("voc", tmp_path)
    assert codes(bad) == [(code, 5)]
    assert len(annotations(found)) == 1


def test_a_voc_box_beyond_the_image_is_cut_and_said(tmp_path: Path):
    voc(tmp_path, OBJECT.format(-4, 1, 10, 10))
    found, bad = read("voc", tmp_path)
    assert annotations(found)[0]["bbox"] == [0, 0, 10, 10]
    assert codes(bad) == [("clipped", 4)]


def test_malformed_xml_costs_one_file_only(tmp_path: Path):
    voc(tmp_path, OBJECT.format(1, 1, 9, 9), name="good")
    bad_file = voc(tmp_path, "<object>", name="bad")
    found, bad = read("voc", tmp_path)
    assert [source.name for source in found] == ["good.png"]
    assert (bad[0].path, bad[0].code, bad[0].line) == (bad_file, "malformed", 5)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;">]>\n',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">\n',
    ],
)
def test_a_document_type_is_refused_before_it_can_do_harm(tmp_path: Path, head: str):
    voc(tmp_path, OBJECT.format(1, 1, 9, 9), head=head)
    found, bad = read("voc", tmp_path)
    assert not found
    assert "document type" in bad[0].message
    assert bad[0].line == 1


def test_deep_or_undecodable_xml_is_refused(tmp_path: Path):
    voc(tmp_path, "<x>" * 100 + "</x>" * 100, name="deep")
    (tmp_path / "Annotations/odd.xml").write_bytes(b'<?xml version="1.0" encoding="klingon"?><annotation/>')
    (tmp_path / "Annotations/other.xml").write_text("<html/>")
    found, bad = read("voc", tmp_path)
    assert not found
    assert {problem.path.stem for problem in bad} == {"deep", "odd", "other"}


def test_a_missing_image_and_a_wrong_size_are_said(tmp_path: Path):
    voc(tmp_path, OBJECT.format(1, 1, 9, 9), name="gone")
    (tmp_path / "JPEGImages/gone.png").unlink()
    voc(tmp_path, OBJECT.format(1, 1, 9, 9), name="other")
    save_image(tmp_path / "JPEGImages/other.png", (32, 20))
    found, bad = read("voc", tmp_path)
    assert [(source.image_path is None, source.width) for source in found] == [(True, 64), (False, 32)]
    assert [problem.code for problem in bad] == ["image_missing", "size_mismatch"]


def test_an_image_annotated_twice_is_read_once(tmp_path: Path):
    voc(tmp_path, name="a")
    file = voc(tmp_path, name="b")
    file.write_text(file.read_text().replace("b.png", "a.png"))
    found, bad = read("voc", tmp_path)
    assert [source.key for source in found] == ["a.png"]
    assert [problem.code for problem in bad] == ["duplicate_image"]


def test_a_voc_file_cannot_name_an_image_outside(tmp_path: Path):
    save_image(tmp_path / "secret.png")
    file = voc(tmp_path / "set", name="a")
    (tmp_path / "set/JPEGImages/a.png").unlink()
    file.write_text(file.read_text().replace("a.png", "../../secret.png"))
    (source,), bad = read("voc", tmp_path / "set")
    assert source.image_path is None
    assert codes(bad) == [("image_missing", 2)]


@pytest.mark.skipif(not RACCOON.is_dir(), reason="the raccoon data set is not here")
def test_the_raccoon_data_set_is_read_whole(tmp_path: Path):
    found, bad = read("voc", RACCOON)
    assert (len(found), len(annotations(found)), bad) == (200, 217, [])
    # The layout of a VOC devkit, with lists of splits.
    devkit = tmp_path / "VOCdevkit/VOC2007"
    shutil.copytree(RACCOON / "annotations", devkit / "Annotations")
    shutil.copytree(RACCOON / "images", devkit / "JPEGImages")
    (devkit / "ImageSets/Main").mkdir(parents=True)
    (devkit / "ImageSets/Main/train.txt").write_text("raccoon-1\nraccoon-2  1\n")
    (devkit / "ImageSets/Main/trainval.txt").write_text("raccoon-3\n")
    again, bad = read("voc", devkit)
    assert [source.data for source in again] == [source.data for source in found]
    assert {source.name: source.split for source in again if source.split} == {
        "raccoon-1.jpg": "train",
        "raccoon-2.jpg": "train",
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"category_id": 9}, "unknown_class"),
        ({"bbox": [1, 2, 0, 5]}, "zero_area"),
        ({"bbox": [90, 2, 5, 5]}, "outside_image"),
        ({"bbox": [float("nan"), 2, 5, 5]}, "malformed"),
        ({"bbox": [1, 2, 5]}, "invalid_geometry"),
        ({"bbox": None}, "invalid_geometry"),
        ({"bbox": "1 2 3 4"}, "malformed"),
        ({"segmentation": [[1, 2, 3]], "bbox": None}, "invalid_geometry"),
    ],
)
def test_a_broken_coco_annotation_is_named_and_the_others_are_read(tmp_path: Path, change: dict, code: str):
    broken, good = coco_annotation(**change), coco_annotation(id=2)
    file = coco_json(tmp_path / "annotations.json", annotations=[broken, good])
    found, bad = read("coco", file)
    assert bad[-1].code == code
    assert [annotation["id"] for annotation in annotations(found)] == [2]


def test_coco_warts_are_said_and_survived(tmp_path: Path):
    rows = [
        coco_annotation(id=0),
        coco_annotation(id=0, segmentation=[[1, 1, 9, 1, 9, 9], [1, 2]]),
        coco_annotation(id=3, image_id=77),
        coco_annotation(id=4, bbox=[60, 40, 10, 10]),
        coco_annotation(id=5, segmentation={"size": [48, 64], "counts": [1, 2]}),
        coco_annotation(id=6, keypoints=[1, 2, 2, 3]),
        coco_annotation(id=7, keypoints=[70, 2, 2]),
    ]
    images = [
        {"id": 1, "file_name": "a.png", "width": 64, "height": 48},
        {"id": 1, "file_name": "twin.png", "width": 64, "height": 48},
        {"id": 2, "file_name": "a.png", "width": 64, "height": 48},
        {"file_name": "no id.png"},
    ]
    file = coco_json(tmp_path / "annotations.json", annotations=rows, images=images)
    found, bad = read("coco", file)
    assert [source.key for source in found] == ["a.png"]
    assert len(annotations(found)) == 6
    assert {problem.code for problem in bad} == {
        "duplicate_id", "duplicate_image", "image_unknown", "clipped", "invalid_geometry", "keypoints_mismatch", "malformed",
    }  # fmt: skip


def test_coco_annotations_may_come_first_and_ids_may_be_text(tmp_path: Path):
    file = tmp_path / "a.json"
    content = {
        "annotations": [coco_annotation(image_id="x", category_id="c", id="n")],
        "info": {"nested": [{"deep": "}]"}]},
        "images": [{"id": "x", "file_name": "a.png", "width": 64, "height": 48}],
        "categories": [{"id": "c", "name": "cat"}],
    }
    file.write_text(json.dumps(content, indent=2))
    (source,), bad = read("coco", file)
    assert source.data["annotations"][0]["category"] == "cat"
    assert [problem.code for problem in bad] == ["image_missing"]


def test_a_torn_coco_file_is_refused_with_its_line(tmp_path: Path):
    file = coco_json(tmp_path / "annotations.json")
    file.write_text(file.read_text()[:-20])
    with pytest.raises(FormatError, match=r"annotations\.json, line 1: the file ends"):
        read("coco", file)


def test_one_coco_file_per_split_is_read_with_its_images(tmp_path: Path):
    write(tmp_path, "coco", [item(1, box())], split="train")
    shutil.move(tmp_path / "annotations/instances_train.json", tmp_path / "annotations/instances_train2017.json")
    (source,), bad = read("coco", tmp_path)
    assert (source.split, source.key, source.image_path) == ("train", "train/1.png", tmp_path / "images/train/1.png")
    assert not bad


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("2 0.5 0.5 0.1 0.1", "unknown_class"),
        ("0.5 0.5 0.5 0.1 0.1", "unknown_class"),
        ("-1 0.5 0.5 0.1 0.1", "unknown_class"),
        ("0 nan 0.5 0.1 0.1", "invalid_geometry"),
        ("0 0.5 0.5 0.1", "invalid_geometry"),
        ("0 0.5 0.5 0.1 0.1 0.2 0.3 0.4", "invalid_geometry"),
        ("0 a b c d", "invalid_geometry"),
        ("0 0.5 0.5 0 0.1", "zero_area"),
        ("0 3.5 0.5 0.1 0.1", "outside_image"),
        ("0 0.25 0.5 0.5 0.5", "duplicate_row"),
    ],
)
def test_a_broken_yolo_row_is_named_by_its_line_and_the_others_are_read(tmp_path: Path, row: str, code: str):
    file = yolo(tmp_path, "0 0.25 0.5 0.5 0.5", "", row)
    found, bad = read("yolo", file)
    assert codes(bad) == [(code, 3)]
    assert annotations(found) == [{"id": 1, "type": "bbox", "category": "cat", "bbox": [0, 12, 32, 24]}]


def test_a_yolo_list_file_names_as_mapping_and_confidence_are_read(tmp_path: Path):
    file = yolo(tmp_path, "1 0.5 0.5 0.5 0.5 0.75", train="train.txt", names={"0": "cat", "1": "dog"})
    (tmp_path / "train.txt").write_text("./images/train/a.png\nimages/train/missing.png\n../../etc/passwd\n")
    found, bad = read("yolo", file)
    assert annotations(found)[0]["score"] == 0.75
    assert annotations(found)[0]["category"] == "dog"
    assert codes(bad) == [("image_missing", 2), ("image_missing", 3)]


def test_yolo_labels_and_images_that_miss_each_other(tmp_path: Path):
    file = yolo(tmp_path, "0 0.5 0.5 0.5 0.5")
    save_image(tmp_path / "images/train/background.png")
    (tmp_path / "images/train/broken.jpg").write_text("no image")
    (tmp_path / "labels/train/orphan.txt").write_text("0 0.5 0.5 0.5 0.5")
    found, bad = read("yolo", file)
    assert [(source.name, len(source.data["annotations"])) for source in found] == [("a.png", 1), ("background.png", 0)]
    assert [problem.code for problem in bad] == ["image_unreadable", "image_missing"]


def test_nine_columns_everywhere_are_turned_boxes_and_among_others_polygons(tmp_path: Path):
    corners = "0 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5"
    found, _ = read("yolo", yolo(tmp_path / "obb", corners))
    assert annotations(found)[0] == {"id": 1, "type": "bbox", "category": "cat", "bbox": [16, 12, 16, 12]}
    found, _ = read("yolo", yolo(tmp_path / "segment", corners, "1 0.1 0.1 0.2 0.1 0.2 0.2"))
    assert [annotation["type"] for annotation in annotations(found)] == ["polygon", "polygon"]


@pytest.mark.parametrize(
    "description",
    [
        {"train": "../../elsewhere"},
        {"train": "/"},
        {"train": "images/nowhere"},
        {"train": None},
        {"names": ["cat"], "nc": 2},
        {"names": {"1": "cat"}},
        {"names": "cat"},
        {"kpt_shape": [17]},
    ],
)
def test_a_yolo_description_that_makes_no_sense_is_refused(tmp_path: Path, description: dict):
    (tmp_path / "elsewhere").mkdir()
    file = yolo(tmp_path / "data/set", "0 0.5 0.5 0.5 0.5", **description)
    with pytest.raises(FormatError, match=r"data\.yaml"):
        read("yolo", file)


def test_no_yaml_at_all_is_refused_with_its_line(tmp_path: Path):
    file = yolo(tmp_path)
    file.write_text("names: [cat\ntrain: {")
    with pytest.raises(FormatError, match=r"data\.yaml:\d is no readable YAML"):
        read("yolo", file)


def test_broken_lines_of_jsonl_and_csv_are_named(tmp_path: Path):
    write(tmp_path / "j", "jsonl", [item(1, box()), item(2, box())])
    with (tmp_path / "j/annotations.jsonl").open("a") as file:
        file.write(
            '{"file_name": 3}\n{"file_name": "3.png", "annotations": [{"category": "cat", "bbox": [1, 2, 0, 4]}]}\n'
        )
    found, bad = read("jsonl", tmp_path / "j")
    assert len(found) == 3
    assert codes(bad) == [("malformed", 3), ("image_missing", 4), ("zero_area", 4)]
    write(tmp_path / "c", "csv", [item(1, box()), item(2, box())])
    with (tmp_path / "c/annotations.csv").open("a") as file:
        file.write("2,2.png,64,48,,,,bbox,cat,wide,2,3,4,,,,,,,\n2,2.png,64,48,,,,bbox,cat,1,2,3,4,,{,,,,,\n")
    found, bad = read("csv", tmp_path / "c")
    assert [len(source.data["annotations"]) for source in found] == [1, 1]
    assert codes(bad) == [("malformed", 4), ("malformed", 5)]


@pytest.mark.parametrize("fmt", ["coco", "yolo", "voc", "csv", "jsonl"])
def test_nothing_of_the_format_is_refused(tmp_path: Path, fmt: str):
    with pytest.raises(FormatError):
        list(read_dataset(fmt, tmp_path))
    with pytest.raises(FormatError):
        list(read_dataset(fmt, tmp_path / "nowhere"))


def test_a_csv_without_the_columns_is_refused(tmp_path: Path):
    (tmp_path / "annotations.csv").write_text("image,label\na.png,cat\n")
    with pytest.raises(FormatError, match="category, file_name"):
        read("csv", tmp_path)


def test_declared_classes_keep_their_numbers(tmp_path: Path):
    categories = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat", "keypoints": ["a"], "skeleton": [[1, 1]]}]
    coco_json(tmp_path / "coco/annotations.json", categories=categories)
    assert [(c.id, c.name, c.keypoints) for c in read_classes("coco", tmp_path / "coco").classes] == [
        (7, "dog", None),
        (3, "cat", ["a"]),
    ]
    coco_json(tmp_path / "zero/annotations.json", categories=[{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}])
    assert [c.id for c in read_classes("coco", tmp_path / "zero").classes] == [1, 2]
    yolo(tmp_path / "yolo", kpt_shape=[2, 3])
    assert [(c.id, c.name, len(c.keypoints or ())) for c in read_classes("yolo", tmp_path / "yolo").classes] == [
        (1, "cat", 2),
        (2, "dog", 2),
    ]
