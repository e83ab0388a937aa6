"""Annotation files of every known format, through the real server, into tasks."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from synapse_sdk.plugins.actions.to_task import ToTaskAction
from synapse_sdk.plugins.actions.to_task.file_formats import AnnotationFormat, recognise_format
from tests.bench.images import write_images

RACCOONS = Path(__file__).parents[3] / "shared" / "data" / "raccoon"
BOX = {"type": "bbox", "category": "cat", "bbox": [10, 20, 30, 40]}
SIZE = (100, 80)

VOC = (
    "<annotation><filename>a.png</filename><size><width>100</width><height>80</height></size><object><name>cat</name>"
    "<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>40</xmax><ymax>60</ymax></bndbox></object></annotation>"
)
COCO = {
    "images": [{"id": 1, "file_name": "a.png"}],
    "categories": [{"id": 5, "name": "cat"}],
    "annotations": [{"id": 9, "image_id": 1, "category_id": 5, "bbox": [10, 20, 30, 40]}],
}
LABELME = {"shapes": [{"label": "cat", "shape_type": "rectangle", "points": [[10, 20], [40, 60]]}], "imageData": None}
YOLO = "0 0.25 0.5 0.3 0.5\n"
FILES = {
    "a.xml": VOC,
    "coco.json": json.dumps(COCO),
    "labelme.json": json.dumps(LABELME),
    "a.txt": YOLO,
}


@pytest.fixture
def pair(tmp_path):
    """An image and an annotation file with this content."""

    def make(name: str, content: str | bytes, image: str = "a.png") -> tuple[Path, Path]:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        write_images(folder, [image])
        labels = folder / name
        labels.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / image, labels

    return make


@pytest.fixture
def sized(place):
    """Let the units have a size, as an import gives it to them."""
    from web_helper.backend.models import DataUnit

    def give(size=SIZE):
        with place.platform.database.write() as session:
            for unit in session.query(DataUnit).filter_by(data_collection_id=place.collection):
                unit.width, unit.height = size

    return give


@pytest.mark.parametrize("name", list(FILES))
def test_each_format_is_told_by_its_content_and_converted(name, place, pair, sized):
    (task,) = place.add([pair("file.dat", FILES[name])])
    sized()
    result, _ = place.run(extra_params={"class_names": ["cat"]})
    assert result.failures == []
    (found,) = place.data(task)["annotations"]
    assert {key: value for key, value in found.items() if key != "id"} == BOX


@pytest.mark.skipif(not RACCOONS.is_dir(), reason="the photographs are not beside this checkout")
def test_photographs_with_voc_files_are_annotated_exactly_as_the_files_say(place, tmp_path):
    names = [file.stem for file in sorted((RACCOONS / "annotations").glob("*.xml"))]
    pairs = []
    for name in names:
        image = RACCOONS / "images" / f"{name}.jpg"
        pairs.append((image, RACCOONS / "annotations" / f"{name}.xml"))
    tasks = place.add(pairs)

    result, logger = place.run()

    assert (result.total_tasks, result.success_count, result.failures) == (len(names), len(names), [])
    rows, count = place.client.get_tasks({"project": place.project})
    assert count == len(tasks) == len(names)
    said = dict(_truth(RACCOONS / "annotations" / f"{name}.xml") for name in names)
    problems = {event["task_id"] for event in logger.events("to_task_file_problem")}
    for row in rows:
        name = Path(row["files"]["file_name_original"]).stem
        boxes = [(found["category"], found["bbox"]) for found in row["data"]["annotations"]]
        if row["id"] in problems:
            assert len(boxes) <= len(said[name])
        else:
            assert boxes == said[name]
    # What a file says beyond its image is cut and told, and that is rare.
    assert len(problems) < 5


def _truth(file: Path) -> tuple[str, list]:
    boxes = []
    for found in ET.parse(file).getroot().iter("object"):
        left, top, right, bottom = (int(found.find("bndbox").findtext(tag)) for tag in ("xmin", "ymin", "xmax", "ymax"))
        boxes.append((found.findtext("name"), [left - 1, top - 1, right - left + 1, bottom - top + 1]))
    return file.stem, boxes


def test_one_bad_file_costs_only_its_own_task(place, pair):
    good, bad, odd = (pair("a.xml", VOC), pair("a.xml", VOC[:-9]), pair("a.bin", b"\x00\x01"))
    tasks = place.add([good, bad, odd])
    result, _ = place.run()
    assert (result.success_count, [failure.task_id for failure in result.failures]) == (1, tasks[1:])
    assert "malformed XML" in result.failures[0].error
    assert "none of COCO, YOLO, Pascal VOC and LabelMe" in result.failures[1].error
    assert place.data(tasks[1]) is None


def test_a_rerun_skips_what_is_done_and_a_new_task_is_added(place, pair):
    (first,) = place.add([pair("a.xml", VOC)])
    before, _ = place.run()
    (second,) = place.add([pair("b.xml", VOC.replace("40", "41"))])
    after, _ = place.run()
    assert before.run_id != after.run_id
    assert (after.success_count, after.skipped_count, after.failed_count) == (2, 1, 0)
    assert after.message == "2 tasks annotated (1 of them by an earlier run), 0 failed"
    assert place.data(second)["annotations"]
    rows = place.client.list_pre_annotations({"task": [first, second]}, list_all=True)[0]
    assert {row["task_id"]: row["run_id"] for row in rows} == {first: before.run_id, second: after.run_id}


def test_one_coco_file_for_many_tasks_is_fetched_once(place, tmp_path):
    names = [f"{number}.png" for number in range(5)]
    write_images(tmp_path / "many", names)
    document = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "categories": [{"id": 5, "name": "cat"}],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 5, "bbox": [number, 2, 3, 4]} for number in range(5)
        ],
        "padding": "x" * 300_000,
    }
    labels = tmp_path / "coco.json"
    labels.write_text(json.dumps(document))
    tasks = place.add([(tmp_path / "many" / name, labels) for name in names])
    result, _ = place.run()
    assert result.failures == []
    assert sorted(place.data(task)["annotations"][0]["bbox"][0] for task in tasks) == [0, 1, 2, 3, 4]


def test_a_parser_of_ones_own_reads_through_the_checked_downloader(place, pair):
    class Own(ToTaskAction):
        def convert_data_from_file(
            self, primary_file_url, primary_file_name, data_file_url, data_file_name, task_data=None
        ):
            category = self.read_data_file(data_file_url).decode()
            return {"annotations": [{**BOX, "category": category}]}

    small, large = place.add([pair("a.own", "dog"), pair("b.own", "d" * 300_000)])
    place.run(Own)
    assert place.data(small)["annotations"][0]["category"] == "dog"
    assert place.data(large)["annotations"][0]["category"] == "d" * 300_000


def test_a_run_is_undone_by_one_call_and_keeps_what_people_edited(place, pair):
    tasks = place.add([pair(f"{number}.xml", VOC) for number in range(3)])
    result, _ = place.run()
    edited = {"annotations": [{**BOX, "id": 1, "category": "dog"}]}
    place.client.annotate_task_data(tasks[1], {"action": "submit", "data": edited})
    assert place.client.undo_pre_annotation_run(result.run_id) == {"restored": 2, "kept": 1}
    assert [place.data(task) for task in tasks] == [None, edited, None]


def test_classes_of_yolo_are_those_of_the_project_by_their_ids(place, pair, sized):
    classes = [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]
    place.platform.ctx().v2_client.projects.update(place.project, configuration={"class_schema": {"classes": classes}})
    (task,) = place.add([pair("a.txt", "1" + YOLO[1:])])
    sized()
    place.run()
    assert place.data(task)["annotations"][0]["category"] == "cat"


def test_yolo_without_a_size_or_a_class_says_what_is_missing(place, pair, sized):
    place.add([pair("a.txt", YOLO)])
    assert "width and a height" in place.run()[0].failures[0].error
    sized()
    assert "Class 0 has no name" in place.run()[0].failures[0].error


def test_what_reaches_beyond_the_image_is_cut_and_told(place, pair, sized):
    (task,) = place.add([pair("a.xml", VOC.replace("<xmax>40<", "<xmax>400<"))])
    sized()
    _, logger = place.run()
    assert place.data(task)["annotations"][0]["bbox"] == [10, 20, 90, 40]
    (event,) = logger.events("to_task_file_problem")
    assert event["task_id"] == task
    assert event["problems"][0].startswith("clipped: ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", AnnotationFormat.YOLO),
        (b"\n", AnnotationFormat.YOLO),
        (b"\xef\xbb\xbf<annotation/>", AnnotationFormat.VOC),
        (b"0 0.5 0.5 0.1 0.1", AnnotationFormat.YOLO),
        (b'{"version": "5.0", "shapes": []}', AnnotationFormat.LABELME),
        (b'{"imageData": "' + b"x" * 9000 + b'", "shapes": []}', AnnotationFormat.LABELME),
        (b'{"images": [], "annotations": [], "categories": []}', AnnotationFormat.COCO),
    ],
)
def test_formats_are_recognised(content, expected):
    assert recognise_format(content) is expected


@pytest.mark.parametrize("content", [b"hello", b"{}", b"[1]", b"0.5 1 2 3 4", b"1 2 3", b"\x89PNG"])
def test_what_is_no_annotation_file_is_refused(content):
    with pytest.raises(ValueError, match="override convert_data_from_file"):
        recognise_format(content)
