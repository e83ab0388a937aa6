"""The DM format and the object models: names, layouts and results that documentation promises."""

import json
from pathlib import Path

import pytest

from synapse_sdk.utils.annotation_models import (
    COCODataset,
    DMv2Dataset,
    PascalAnnotation,
    YOLOAnnotation,
    YOLODataset,
    YOLODatasetConfig,
)
from synapse_sdk.utils.converters import (
    COCOToDMConverter,
    FromDMToCOCOConverter,
    FromDMToPascalConverter,
    FromDMToYOLOConverter,
    PascalToDMConverter,
    YOLOToDMConverter,
    validate_dataset,
)
from synapse_sdk.utils.converters.dm import DMv1ToV2Converter, DMv2ToV1Converter
from tests.converters.factory import box, item, polygon, save_image, write

RECORD = {
    "classification": {"bounding_box": ["cat"], "polygon": ["dog"], "keypoint": ["cat"]},
    "images": [
        {
            "bounding_box": [
                {
                    "id": "a",
                    "classification": "cat",
                    "attrs": [{"name": "color", "value": "red"}],
                    "data": [10, 12, 20, 15],
                }
            ],
            "polygon": [{"id": "b", "classification": "dog", "attrs": [], "data": [[5, 5], [30, 6], [25, 40]]}],
            "polyline": [],
            "keypoint": [{"id": "c", "classification": "cat", "attrs": [], "data": [7, 8]}],
            "relation": [],
            "group": [],
        }
    ],
}
BOX_ONLY = {
    "classification": {},
    "images": [{"bounding_box": [{"id": "x", "classification": "cat", "data": [1, 2, 30, 20]}]}],
}


def dm_folder(root: Path, records: dict[str, dict], images: str = "original_files") -> Path:
    for stem, record in records.items():
        (root / "json").mkdir(parents=True, exist_ok=True)
        (root / "json" / f"{stem}.json").write_text(json.dumps(record))
        save_image(root / images / f"{stem}.png")
    return root


@pytest.mark.parametrize("images", ["original_files", "origin_files"])
def test_dm_to_coco(tmp_path: Path, images: str):
    root = dm_folder(tmp_path / "dm", {"one": RECORD, "two": BOX_ONLY}, images)
    converter = FromDMToCOCOConverter(root, info={"description": "mine"}, licenses=[{"id": 1, "name": "CC"}])
    coco = converter.convert()
    assert isinstance(coco, COCODataset)
    assert [image.file_name for image in coco.images] == ["one.png", "two.png"]
    assert [category.name for category in coco.categories] == ["cat", "dog"]
    assert coco.get_annotations_by_image_id(1)[0].bbox == [10, 12, 20, 15]
    assert (coco.info.description, coco.licenses[0].name) == ("mine", "CC")
    converter.save_to_folder(tmp_path / "out")
    assert validate_dataset("coco", tmp_path / "out", written=converter.reports[""]).ok
    assert (tmp_path / "out/images/one.png").is_file()


def test_dm_to_coco_by_split(tmp_path: Path):
    for split, stem in (("train", "one"), ("valid", "two"), ("test", "three")):
        dm_folder(tmp_path / "dm" / split, {stem: RECORD})
    converter = FromDMToCOCOConverter(tmp_path / "dm", is_categorized=True)
    converted = converter.convert()
    assert {split: found.images[0].file_name for split, found in converted.items()} == {
        "train": "one.png",
        "valid": "two.png",
        "test": "three.png",
    }
    converter.save_to_folder(tmp_path / "out")
    assert (tmp_path / "out/valid/annotations.json").is_file()


def test_dm_to_pascal_and_yolo_list_what_they_cannot_carry(tmp_path: Path):
    root = dm_folder(tmp_path / "dm", {"one": RECORD})
    pascal = FromDMToPascalConverter(root)
    ((annotation, xml_name, source, name),) = pascal.convert()
    assert (xml_name, Path(source), name) == ("one.xml", root / "original_files/one.png", "one.png")
    assert [(found.name, found.bndbox.xmin) for found in annotation.objects] == [("cat", 11), ("dog", 6)]
    assert {skip.annotation_id for skip in pascal.reports[""].skipped} == {"a", "b", "c"}
    yolo = FromDMToYOLOConverter(root).convert()
    assert isinstance(yolo, YOLODataset)
    assert yolo.config.names == ["cat", "dog"]
    assert yolo.annotations["one.png"][0].to_absolute_coords(64, 48) == pytest.approx((10, 12, 30, 27), abs=0.01)


def test_single_records_are_converted_without_a_folder(tmp_path: Path):
    image = save_image(tmp_path / "shot.png")
    coco = FromDMToCOCOConverter(is_single_conversion=True).convert_single_file(RECORD, image, "renamed.png")
    assert coco["image_name"] == "renamed.png"
    assert coco["coco_json"]["images"][0]["file_name"] == "renamed.png"
    with image.open("rb") as file:
        pascal = FromDMToPascalConverter(is_single_conversion=True).convert_single_file(RECORD, file)
    assert PascalAnnotation.from_xml(pascal["pascal_xml"]).filename == "shot.png"
    yolo = FromDMToYOLOConverter(is_single_conversion=True).convert_single_file(BOX_ONLY, image)
    assert yolo["class_names"] == ["cat"]
    back = YOLOToDMConverter(is_single_conversion=True).convert_single_file(
        yolo["label_lines"], image, class_names=["cat"]
    )
    assert back["dm_json"]["images"][0]["bounding_box"][0]["data"] == pytest.approx([1, 2, 30, 20], abs=0.01)
    back = PascalToDMConverter(is_single_conversion=True).convert_single_file(pascal["pascal_xml"], image)
    assert back["dm_json"]["images"][0]["bounding_box"][0]["data"] == [10, 12, 20, 15]
    back = COCOToDMConverter(is_single_conversion=True).convert_single_file(coco["coco_json"], image, "renamed.png")
    assert back["dm_json"]["classification"]["polygon"] == ["dog"]
    assert (back["image_path"], back["image_name"]) == (str(image), "renamed.png")


@pytest.mark.parametrize(
    ("fmt", "converter"), [("coco", COCOToDMConverter), ("voc", PascalToDMConverter), ("yolo", YOLOToDMConverter)]
)
@pytest.mark.parametrize("is_categorized", [True, False])
def test_formats_to_dm_and_on_to_coco(tmp_path: Path, fmt: str, converter: type, is_categorized: bool):
    split = "val" if is_categorized else None
    write(tmp_path / "set", fmt, [item(1, box()), item(2)], split=split)
    found = converter(tmp_path / "set", is_categorized=is_categorized)
    files = found.convert()["valid"] if is_categorized else found.convert()
    record, image = files["1.png"]
    assert record["images"][0]["bounding_box"][0]["data"] == pytest.approx([10, 12, 20, 15], abs=0.01)
    assert Path(image).is_file()
    assert DMv2Dataset.model_validate(record).classification == {"bounding_box": ["cat"]}
    found.save_to_folder(tmp_path / "dm")
    coco = FromDMToCOCOConverter(tmp_path / "dm", is_categorized=is_categorized).convert()
    coco = coco["valid"] if is_categorized else coco
    assert (len(coco.images), len(coco.annotations)) == (2, 1)
    assert not found.problems


def test_every_shape_survives_dm(tmp_path: Path):
    shapes = [
        box(id="1"),
        polygon(id="2"),
        box(id="3", type="rotated_bbox", rotation=30),
        {"id": "4", "type": "keypoints", "category": "cat", "keypoints": [7, 8, 2]},
        {"id": "5", "type": "polyline", "category": "dog", "segmentation": [[1, 1, 9, 9]]},
        {"id": "6", "type": "mask", "category": "dog", "segmentation": {"size": [48, 64], "counts": [5, 3067]}},
    ]
    from synapse_sdk.utils.converters.dm.records import data_to_dm, dm_to_data

    back = dm_to_data(data_to_dm({"annotations": shapes}))["annotations"]
    assert sorted(back, key=lambda found: found["id"]) == shapes


def test_versions_one_and_two_tell_the_same():
    first = DMv2ToV1Converter().convert(RECORD)
    assert first["annotations"]["image_1"][0]["classification"] == {"class": "cat", "color": "red"}
    second = DMv1ToV2Converter().convert(first)
    assert second["classification"] == RECORD["classification"]
    for kind in ("bounding_box", "polygon", "keypoint"):
        assert second["images"][0][kind] == RECORD["images"][0][kind]


def test_version_one_of_the_first_generation_is_read():
    record = {
        "annotations": {"image_1": [{"id": "a", "tool": "bounding_box", "classification": {"class": "cat", "age": 3}}]},
        "annotationsData": {"image_1": [{"id": "a", "coordinate": {"x": 1, "y": 2, "width": 3, "height": 4}}]},
    }
    converted = DMv1ToV2Converter().convert(record)
    (found,) = converted["images"][0]["bounding_box"]
    assert (found["classification"], found["data"]) == ("cat", [1, 2, 3, 4])
    assert found["attrs"] == [{"name": "age", "value": 3}]


def test_bad_input_is_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        FromDMToCOCOConverter(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="original_files"):
        FromDMToCOCOConverter(tmp_path).convert()
    with pytest.raises(FileNotFoundError, match="train"):
        FromDMToYOLOConverter(tmp_path, is_categorized=True).convert()
    with pytest.raises(ValueError, match="is_single_conversion"):
        FromDMToPascalConverter()
    root = dm_folder(tmp_path / "dm", {"one": {"images": []}})
    with pytest.raises(ValueError, match=r"one\.json"):
        FromDMToCOCOConverter(root).convert()
    (root / "original_files/one.png").unlink()
    with pytest.raises(FileNotFoundError, match="no image"):
        FromDMToCOCOConverter(root).convert()
    with pytest.raises(FileNotFoundError):
        COCOToDMConverter(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="class_names"):
        YOLOToDMConverter(is_single_conversion=True).convert_single_file(
            ["0 .5 .5 .1 .1"], save_image(tmp_path / "a.png")
        )
    with pytest.raises(ValueError, match="annotations"):
        DMv1ToV2Converter().convert({})


def test_the_object_models_go_to_files_and_back(tmp_path: Path):
    write(tmp_path, "coco", [item(1, box(), polygon())])
    coco = COCODataset.from_file(tmp_path / "annotations.json")
    coco.to_file(tmp_path / "again.json")
    assert COCODataset.from_file(tmp_path / "again.json") == coco == COCODataset.from_json(coco.to_json())
    assert coco.get_category_by_name("cat") == coco.get_category_by_id(1)
    assert coco.get_image_by_file_name("1.png") == coco.get_image_by_id(1)
    assert len(coco.get_annotations_by_category_id(1)) == 2
    write(tmp_path / "voc", "voc", [item(1, box(attributes={"truncated": True}))])
    pascal = PascalAnnotation.from_file(tmp_path / "voc/Annotations/1.xml")
    assert (pascal.width, pascal.objects[0].truncated) == (64, 1)
    pascal.to_file(tmp_path / "again.xml")
    assert PascalAnnotation.from_file(tmp_path / "again.xml") == pascal
    with pytest.raises(ValueError, match="document type"):
        PascalAnnotation.from_xml("<!DOCTYPE a><annotation/>")
    row = YOLOAnnotation(1, 0.5, 0.5, 0.25, 0.5)
    assert YOLOAnnotation.from_line(row.to_line()) == row
    assert row.to_absolute_coords(64, 48) == (24, 12, 40, 36)
    config = YOLODatasetConfig(["cat", "dog"], test="images/test")
    assert config.nc == 2
    assert YOLODatasetConfig.from_yaml(config.to_yaml()) == config
