"""Pre-annotation as someone types it: from files of every format; what ran, and taking it back."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

from PIL import Image


def begin(platform, synapse, name):
    shown = synapse("project", "create", name, "--json")
    assert shown.exit_code == 0, shown.output
    project = json.loads(shown.stdout)["id"]
    run = {"id": name, "project": project, "method": "file", "specification": "labels"}
    with platform.v1() as client:
        client.create_pre_annotation_run(run)
    return project


def test_runs_are_listed_and_undone(platform, synapse):
    project = begin(platform, synapse, "run-of-cli")
    listed = json.loads(synapse("pre-annotation", "list", "--project", str(project), "--json").stdout)
    assert [(row["id"], row["undone_at"]) for row in listed] == [("run-of-cli", None)]
    undone = synapse("pre-annotation", "undo", "run-of-cli", "--json")
    assert json.loads(undone.stdout) == {"restored": 0, "kept": 0}
    assert "run-of-cli" in synapse("pre-annotation", "list").stdout
    assert json.loads(synapse("pre-annotation", "list", "--json").stdout)[0]["undone_at"]


def test_a_run_that_does_not_exist_is_said(platform, synapse):
    refused = synapse("pre-annotation", "undo", "no-such-run")
    assert refused.exit_code == 1
    assert "no-such-run" in refused.stderr


PLUGIN = Path(__file__).parents[2] / "examples" / "plugins" / "annotations-from-files"
VOC = (
    "<annotation><size><width>100</width><height>80</height></size><object><name>cat</name>"
    "<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>40</xmax><ymax>60</ymax></bndbox></object></annotation>"
)
COCO = {
    "images": [{"id": 1, "file_name": "coco.png"}],
    "categories": [{"id": 5, "name": "cat"}],
    "annotations": [{"id": 9, "image_id": 1, "category_id": 5, "bbox": [10, 20, 30, 40]}],
}
LABELME = {"shapes": [{"label": "cat", "shape_type": "rectangle", "points": [[10, 20], [40, 60]]}], "imageData": None}
FILES = {
    "voc.xml": VOC,
    "coco.json": json.dumps(COCO),
    "labelme.json": json.dumps(LABELME),
    "yolo.txt": "0 0.25 0.5 0.3 0.5\n",
    "own.csv": "cat,10,20,30,40\n",
}


def pre_annotate(synapse, name, folder, category):
    """What a user types: a project, its files, its annotations; answers the run's result and the project."""
    project = synapse.json("project", "create", name, "--classes", category, "--data-file", "labels")
    target = {"data_collection": project["data_collection_id"], "project": project["id"]}
    run = ("plugin", "run", "--path", PLUGIN)
    synapse.json(*run, "upload", "--params", json.dumps({"name": name, "path": str(folder), **target}))
    wish = {"name": name, "project": project["id"], "agent": 1, "target_specification_name": "labels"}
    return synapse.json(*run, "to_task", "--params", json.dumps(wish)), project["id"]


def boxes_of(platform, project):
    """Class and box of each annotation, by the name of the image."""
    with platform.v1() as client:
        rows = list(client.list_tasks({"project": project}, list_all=True)[0])
        tasks = [client.get_task(row["id"], params={"expand": "data_unit"}) for row in rows]
    return {
        Path(task["data_unit"]["files"]["image"]["file_name_original"]).stem: [
            (found["category"], found["bbox"]) for found in task["data"]["annotations"]
        ]
        for task in tasks
    }


def test_files_of_each_format_annotate_their_tasks(platform, synapse, tmp_path):
    for folder in ("image", "labels"):
        (tmp_path / folder).mkdir()
    for name, content in FILES.items():
        Image.new("RGB", (100, 80)).save(tmp_path / "image" / f"{Path(name).stem}.png")
        (tmp_path / "labels" / name).write_text(content)
    result, project = pre_annotate(synapse, "each-format", tmp_path, "cat")
    assert (result["success_count"], result["failures"]) == (len(FILES), [])
    assert boxes_of(platform, project) == {Path(name).stem: [("cat", [10, 20, 30, 40])] for name in FILES}


def test_photographs_are_annotated_exactly_as_their_voc_files_say(platform, synapse, raccoon, tmp_path):
    shutil.copytree(raccoon / "images", tmp_path / "image")
    shutil.copytree(raccoon / "annotations", tmp_path / "labels")
    files = sorted((raccoon / "annotations").glob("*.xml"))
    result, project = pre_annotate(synapse, "raccoons by file", tmp_path, "raccoon")
    assert (result["success_count"], result["failures"]) == (len(files), [])
    found = boxes_of(platform, project)
    differing = {file.stem for file in files if found[file.stem] != boxes_in(file)}
    # What a file says beyond its image is cut, and the run's log says so.
    job = synapse.json("job", "list", "--kind", "run", "--limit", "1")[0]["id"]
    told = synapse("job", "logs", job).stdout.count("to_task_file_problem")
    assert len(differing) == told < 5


def boxes_in(file):
    corners = [
        (each.findtext("name"), [int(each.findtext(f"bndbox/{tag}")) for tag in ("xmin", "ymin", "xmax", "ymax")])
        for each in ET.parse(file).getroot().iter("object")
    ]
    # VOC counts pixels from 1, with both ends inside the box.
    return [(name, [x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1]) for name, (x1, y1, x2, y2) in corners]
