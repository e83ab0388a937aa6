"""Programs of others on the hostile set's exports: COCOeval gives the truth 1.0, Ultralytics finds no corrupt label."""

import contextlib
import io
import json
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.bench.peers import ULTRALYTICS, python_of
from tests.faults.test_hostile import export, yolo_counts

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("faults"), pytest.mark.timeout(900)]
CHECK = Path(__file__).with_name("check_labels.py")


def score(path: Path, kind: str) -> float:
    """COCOeval of a truth against itself."""
    key = {"bbox": "bbox", "segm": "segmentation"}[kind]
    with warnings.catch_warnings(action="ignore"):
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(str(path))
            found = [detection(truth, annotation, key) for annotation in truth.dataset["annotations"]]
            if key == "segmentation":
                # Boxes without an outline have no mask to compare.
                for annotation, mask in zip(truth.dataset["annotations"], found, strict=True):
                    annotation["segmentation"] = mask["segmentation"]
            evaluation = COCOeval(truth, truth.loadRes(found), kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
    return float(evaluation.stats[0])


def detection(truth: Any, annotation: dict[str, Any], key: str) -> dict[str, Any]:
    place = truth.annToRLE(annotation) if key == "segmentation" else annotation[key]
    return {"image_id": annotation["image_id"], "category_id": annotation["category_id"], key: place, "score": 1.0}


@pytest.mark.parametrize(("task", "kind"), [("detection", "bbox"), ("segmentation", "segm")])
def test_cocoeval_scores_the_truth_against_itself_with_one(sqlite_stage, ids, tmp_path: Path, task: str, kind: str):
    command = export(sqlite_stage, tmp_path, "coco", task)
    assert command.wait() == 0, command.words
    assert score(tmp_path / "out" / "coco" / "annotations.json", kind) == pytest.approx(1.0, abs=1e-12)


@pytest.fixture(scope="session")
def ultralytics() -> Path:
    python = python_of(ULTRALYTICS)
    if python is None:
        reason = "Ultralytics has no environment here: `make test-peers` makes it"
        if os.environ.get("SYNAPSE_REQUIRE_PEERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return python


@pytest.mark.parametrize("task", ["detect", "segment"])
def test_ultralytics_finds_no_corrupt_label(sqlite_stage, ids, ultralytics, tmp_path: Path, task: str):
    command = export(sqlite_stage, tmp_path, "yolo", task)
    assert command.wait() == 0, command.words
    folder = tmp_path / "out" / "yolo"
    # Nothing is fetched, installed or sent; its settings stay out of the home folder.
    quiet = {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_CONFIG_DIR": str(tmp_path)}
    done = subprocess.run(
        [str(ultralytics), str(CHECK), str(folder), "2"],
        capture_output=True, text=True, check=False, env={**os.environ, **quiet},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("CHECKED "))
    checked = json.loads(line.removeprefix("CHECKED "))
    images, _ = yolo_counts(folder)
    assert (checked["found"], checked["corrupt"], checked["said"]) == (images, 0, [])
