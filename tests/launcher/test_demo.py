"""The demo as a newcomer runs it: real photographs, real processes, other software's verdict."""

import json
import subprocess
import sys

import pytest

from tests.conftest import run_synapse
from web_helper.launcher.demo import MIN_AREA, plugin_folder
from web_helper.launcher.photographs import PHOTOGRAPHS

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("platform")]


FORMATS = ("coco", "yolo", "voc")


def test_demo_pre_annotates_its_photographs_and_shows_every_object_in_each_format(tmp_path):
    done = run_synapse("demo", "--exit", "--json", cwd=tmp_path)
    rows = {row["step"]: row for row in json.loads(done.stdout)}
    assert list(rows) == [
        *("import", "publish", "pre-annotate"),
        *(f"{step} {fmt}" for fmt in FORMATS for step in ("export", "check")),
    ]
    assert rows["import"]["objects"] == 0, "nobody has marked anything"
    assert rows["pre-annotate"]["note"] == "classical-segmenter: 10 tasks annotated, 0 failed"
    counts = {(row["images"], row["objects"], row["classes"]) for row in rows.values() if row["objects"]}
    assert counts == {(10, rows["check coco"]["objects"], 3)}
    assert rows["check coco"]["objects"] == objects_that_the_segmenter_finds()
    assert all(rows[f"export {fmt}"]["note"] == "delegated" for fmt in FORMATS)
    assert "1.000" in rows["check coco"]["note"]


def test_a_second_demo_adds_nothing(tmp_path):
    first = json.loads(run_synapse("demo", "--exit", "--json", cwd=tmp_path).stdout)
    rows = {row["step"]: row for row in json.loads(run_synapse("demo", "--exit", "--json", cwd=tmp_path).stdout)}
    assert rows["import"]["note"].endswith("0 new, 10 there already")
    assert rows["publish"]["note"] == "there already"
    assert "10 of them by an earlier run" in rows["pre-annotate"]["note"]
    assert rows["check voc"]["objects"] == next(row["objects"] for row in first if row["step"] == "check voc")


def objects_that_the_segmenter_finds():
    """Asked without any platform, in a process that has the plugin's module."""
    program = (
        "import sys, pathlib, skimage\nfrom skimage.io import imread\nfrom plugin.segmentation import find_objects\n"
        "data = pathlib.Path(skimage.__file__).parent / 'data'\n"
        f"print(sum(len(find_objects(imread(data / name), min_area={MIN_AREA})) for name in {PHOTOGRAPHS!r}))"
    )
    command = [sys.executable, "-c", program]
    return int(subprocess.run(command, cwd=plugin_folder(), capture_output=True, text=True, check=True).stdout)
