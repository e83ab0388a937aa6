"""Software that is not ours reads what we write, with equal counts of images, boxes and classes."""

import contextlib
import io
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from synapse_sdk.utils.converters import CocoTask, YoloTask, create_writer, split_by_ratio
from tests.converters.factory import COCO, YOLO, annotations, box, item, polygon, read, save_image, schema, write

with warnings.catch_warnings(action="ignore"):
    # Deprecations of theirs at import are not ours to mend.
    import datumaro
    import supervision
    from pycocotools.coco import COCO as PYCOCO
    from pycocotools.cocoeval import COCOeval

pytestmark = pytest.mark.filterwarnings("ignore")

RATIOS = {"train": 0.6, "val": 0.3, "test": 0.1}
CLASSES = ["cat", "dog", "unused"]
IMAGES = 30


def rows() -> list[dict[str, Any]]:
    """Thirty images, each third of which is empty, 40 boxes in all."""
    found = []
    for number in range(1, IMAGES + 1):
        boxes = [box(number, 5, 20.5, 11), box(3, number / 2, 12, 9.25, category="dog")] if number % 3 else []
        found.append(item(number, *boxes))
    return found


BOXES = sum(len(row["data"]["annotations"]) for row in rows())


def export(folder: Path, fmt: str, *, is_split: bool) -> Path:
    with create_writer(fmt, folder, classes=schema(*CLASSES)) as writer:
        for row in rows():
            name = f"image {row['id']}.png"
            split = split_by_ratio(row["id"], RATIOS) if is_split else None
            writer.write(row, name, split)
            save_image(folder / writer.image_path(name, split))
    assert (writer.report.images, writer.report.annotations) == (IMAGES, BOXES)
    return folder


def quietly(function: Any, *arguments: Any, **more: Any) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*arguments, **more)


def score(truth: PYCOCO, kind: str, keys: tuple[str, ...]) -> float:
    """COCOeval of a truth against itself."""
    found = [
        {key: a[key] for key in ("image_id", "category_id", *keys)} | {"score": 1.0}
        for a in truth.dataset["annotations"]
    ]
    evaluation = COCOeval(truth, quietly(truth.loadRes, found), kind)
    for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
        quietly(step)
    return float(evaluation.stats[0])


def test_pycocotools_scores_boxes_against_themselves_with_one(tmp_path: Path):
    export(tmp_path, "coco", is_split=False)
    truth = quietly(PYCOCO, str(tmp_path / "annotations.json"))
    assert (len(truth.imgs), len(truth.anns), len(truth.cats)) == (IMAGES, BOXES, 3)
    assert score(truth, "bbox", ("bbox",)) == 1.0


def test_pycocotools_scores_outlines_and_masks_against_themselves_with_one(tmp_path: Path):
    runs = [500, 30, 18, 30, 3072 - 578]
    mask = {"type": "mask", "category": "dog", "segmentation": {"size": [48, 64], "counts": runs}}
    write(tmp_path, "coco", [item(1, polygon(), box()), item(2, mask)], options=COCO[CocoTask.SEGMENTATION])
    truth = quietly(PYCOCO, str(tmp_path / "annotations.json"))
    masks = {a["id"]: truth.annToRLE(a) for a in truth.dataset["annotations"]}
    assert truth.annToMask(truth.anns[3]).sum() == 60 == truth.anns[3]["area"]
    for annotation in truth.dataset["annotations"]:
        annotation["segmentation"] = masks[annotation["id"]]
    assert score(truth, "segm", ("segmentation",)) == 1.0


def test_pycocotools_scores_keypoints_against_themselves_with_one(tmp_path: Path):
    names = [f"point {i}" for i in range(17)]
    points = [value for i in range(17) for value in (i * 2 + 5, i + 10, 2)]
    pose = box(5, 10, 40, 30, type="keypoints", keypoints=points)
    classes = schema("cat", keypoints=names)
    write(tmp_path, "coco", [item(1, pose), item(2)], classes=classes, options=COCO[CocoTask.KEYPOINTS])
    truth = quietly(PYCOCO, str(tmp_path / "annotations.json"))
    assert score(truth, "keypoints", ("keypoints",)) == pytest.approx(1)


def counts(found: supervision.DetectionDataset) -> tuple[int, int]:
    return len(found), sum(len(detections) for detections in found.annotations.values())


def test_supervision_reads_coco_yolo_and_voc(tmp_path: Path):
    coco = export(tmp_path / "coco", "coco", is_split=False)
    found = supervision.DetectionDataset.from_coco(str(coco / "images"), str(coco / "annotations.json"))
    assert (*counts(found), found.classes) == (IMAGES, BOXES, CLASSES)
    yolo = export(tmp_path / "yolo", "yolo", is_split=False)
    found = supervision.DetectionDataset.from_yolo(
        str(yolo / "images/train"), str(yolo / "labels/train"), str(yolo / "data.yaml")
    )
    assert (*counts(found), found.classes) == (IMAGES, BOXES, CLASSES)
    voc = export(tmp_path / "voc", "voc", is_split=False)
    found = supervision.DetectionDataset.from_pascal_voc(str(voc / "JPEGImages"), str(voc / "Annotations"))
    assert (*counts(found), sorted(found.classes)) == (IMAGES, BOXES, ["cat", "dog"])


@pytest.mark.parametrize("fmt", ["coco", "yolo", "voc"])
def test_supervision_sees_the_boxes_where_they_are(tmp_path: Path, fmt: str):
    write(tmp_path, fmt, [item(1, box(3.5, 7.25, 20, 11))])
    found = {
        "coco": lambda: supervision.DetectionDataset.from_coco(
            str(tmp_path / "images"), str(tmp_path / "annotations.json")
        ),
        "yolo": lambda: supervision.DetectionDataset.from_yolo(
            str(tmp_path / "images/train"), str(tmp_path / "labels/train"), str(tmp_path / "data.yaml")
        ),
        "voc": lambda: supervision.DetectionDataset.from_pascal_voc(
            str(tmp_path / "JPEGImages"), str(tmp_path / "Annotations")
        ),
    }[fmt]()
    (detections,) = found.annotations.values()
    assert detections.xyxy[0].tolist() == pytest.approx([3.5, 7.25, 23.5, 18.25], abs=0.01)


def test_supervision_reads_turned_boxes_and_outlines_of_yolo(tmp_path: Path):
    for task in (YoloTask.OBB, YoloTask.SEGMENT):
        folder = tmp_path / task
        write(folder, "yolo", [item(1, box(), polygon())], options=YOLO[task])
        found = supervision.DetectionDataset.from_yolo(
            str(folder / "images/train"),
            str(folder / "labels/train"),
            str(folder / "data.yaml"),
            is_obb=task is YoloTask.OBB,
        )
        assert counts(found) == (1, 2)


@pytest.mark.parametrize("is_split", [True, False])
@pytest.mark.parametrize("fmt", ["coco", "yolo", "voc"])
def test_datumaro_imports_with_equal_counts(tmp_path: Path, fmt: str, is_split: bool):
    folder = export(tmp_path, fmt, is_split=is_split)
    if fmt == "coco" and not is_split:
        # It takes COCO from a folder of that name only.
        (folder / "annotations").mkdir()
        (folder / "annotations.json").rename(folder / "annotations/instances_default.json")
    options = {"coordinate_mode": "voc-one-based"} if fmt == "voc" else {}
    found = datumaro.Dataset.import_from(str(folder), fmt, **options)
    boxes = [a for entry in found for a in entry.annotations if a.type == datumaro.AnnotationType.bbox]
    labels = [label.name for label in found.categories()[datumaro.AnnotationType.label].items]
    assert (len(found), len(boxes), labels) == (IMAGES, BOXES, CLASSES)
    assert sum(a.w * a.h for a in boxes) == pytest.approx(sum(a["bbox"][2] * a["bbox"][3] for r in rows() for a in r["data"]["annotations"]), rel=1e-4)  # fmt: skip
    if is_split:
        assert set(found.subsets()) == set(RATIOS)


def test_we_read_what_datumaro_writes(tmp_path: Path):
    folder = export(tmp_path / "ours", "coco", is_split=True)
    found = datumaro.Dataset.import_from(str(folder), "coco")
    for fmt, theirs in (("coco", "coco_instances"), ("yolo", "yolo_ultralytics")):
        target = tmp_path / theirs
        found.export(str(target), theirs, save_media=True)
        sources, bad = read(fmt, target)
        assert (len(sources), len(annotations(sources)), [str(b) for b in bad]) == (IMAGES, BOXES, [])
        assert {source.split for source in sources} == {"train", "val", "test"}


def test_the_ids_in_a_coco_file_start_at_one(tmp_path: Path):
    export(tmp_path, "coco", is_split=False)
    coco = json.loads((tmp_path / "annotations.json").read_text())
    assert min(a["id"] for a in coco["annotations"]) == 1
