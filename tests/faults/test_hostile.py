"""The hostile set through the whole platform, into every format: nothing is lost without a word, nothing is made up."""

import csv
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.faults import hostile
from tests.faults.hostile import ITEMS, MISSING
from tests.faults.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("faults"), pytest.mark.timeout(900)]
VARIANTS = [
    ("coco", "detection"), ("coco", "segmentation"), ("coco", "keypoints"),
    ("yolo", "detect"), ("yolo", "segment"), ("yolo", "obb"), ("yolo", "pose"),
    ("voc", ""), ("csv", ""), ("jsonl", ""), ("webdataset", ""), ("parquet", ""),
]  # fmt: skip
SIZED = {"coco", "yolo", "voc"}
# What no format carries, and what none of those carries that need a size: by what is wrong, the annotation, the code.
ALWAYS = {
    ("no area", "flat", "zero_area"),
    ("unknown class", "stranger", "unknown_class"),
    ("broken numbers", "negative", "zero_area"),
    ("never opened", None, "no_data"),
    ("original gone", None, "item_skipped"),
}
OF_SIZED = {
    ("outside", "outside", "outside_image"),
    ("outside", "over the edge", "clipped"),
    ("no size", None, "size_unknown"),
    ("polyline", "way", "geometry_unsupported"),
    ("classification", "kind", "geometry_unsupported"),
}
OF_VARIANT = {
    ("coco", "detection"): {("line as polygon", "line", "zero_area"), ("turned", 1, "geometry_reduced"),
                            ("points", "three", "keypoints_mismatch")},
    ("yolo", "detect"): {("turned", 1, "geometry_reduced"), ("several parts", 1, "geometry_reduced"),
                         ("hole in mask", 1, "geometry_reduced"), ("same box twice", 2, "duplicate_row")},
    ("yolo", "segment"): {("several parts", 1, "geometry_reduced"), ("hole in mask", 1, "geometry_reduced")},
    ("yolo", "pose"): {("points", "three", "keypoints_mismatch")},
    ("voc", ""): {("turned", 1, "geometry_reduced"), ("hole in polygon", 1, "geometry_reduced")},
}  # fmt: skip


def export(stage: Stage, folder: Path, fmt: str, task: str, *more: str):
    where = ("--project", hostile.PROJECT, "--target", "task", "--out", str(folder / "out"), "--name", fmt)
    return stage.start(folder, "export", *where, "--format", fmt, *(("--task", task) if task else ()), *more)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def coco_counts(folder: Path) -> tuple[int, int]:
    found = read(folder / "annotations.json")
    names = [image["file_name"] for image in found["images"]]
    assert len({name.casefold() for name in names}) == len(names)
    assert len({row["id"] for row in found["annotations"]}) == len(found["annotations"])
    assert {row["image_id"] for row in found["annotations"]} <= {image["id"] for image in found["images"]}
    return len(names), len(found["annotations"])


def yolo_counts(folder: Path) -> tuple[int, int]:
    labels = list((folder / "labels" / "train").iterdir())
    return len(labels), sum(len(path.read_text().splitlines()) for path in labels)


def voc_counts(folder: Path) -> tuple[int, int]:
    files = list((folder / "Annotations").iterdir())
    return len(files), sum(path.read_text(encoding="utf-8").count("<object>") for path in files)


def csv_counts(folder: Path) -> tuple[int, int]:
    with (folder / "annotations.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return len({row["file_name"] for row in rows}), sum(bool(row["category"]) for row in rows)


def jsonl_counts(folder: Path) -> tuple[int, int]:
    rows = [json.loads(line) for line in (folder / "annotations.jsonl").read_text(encoding="utf-8").split("\n") if line]
    return len({row["file_name"] for row in rows}), sum(len(row["annotations"]) for row in rows)


def webdataset_counts(folder: Path) -> tuple[int, int]:
    members = dict(members_of(folder))
    keys = [name.removesuffix(".json") for name in members if name.endswith(".json")]
    # Readers take everything before the first dot for the sample, whatever the case.
    assert len({name.partition(".")[0].casefold() for name in members}) == len(keys)
    return len(keys), sum(len(json.loads(members[f"{key}.json"])["annotations"]) for key in keys)


def members_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member)
                assert content is not None
                assert not {"/", "\\", ".."} & {*member.name, member.name[:2]}
                yield member.name, content.read()


def parquet_counts(folder: Path) -> tuple[int, int]:
    rows = parquet.read_table(folder / "data-00000.parquet").to_pylist()
    return len({row["file_name"] for row in rows}), sum(len(row["annotations"]) for row in rows)


COUNTS: dict[str, Callable[[Path], tuple[int, int]]] = {
    "coco": coco_counts,
    "yolo": yolo_counts,
    "voc": voc_counts,
    "csv": csv_counts,
    "jsonl": jsonl_counts,
    "webdataset": webdataset_counts,
    "parquet": parquet_counts,
}


@pytest.mark.parametrize(("fmt", "task"), VARIANTS)
def test_what_goes_in_comes_out_or_is_named_with_its_reason(sqlite_stage, ids, tmp_path: Path, fmt: str, task: str):
    command = export(sqlite_stage, tmp_path, fmt, task)
    assert command.wait() == 0, command.words
    folder = tmp_path / "out" / fmt
    report = read(folder / "loss_report.json")
    summary, losses = report["summary"], report["losses"]
    require_sums(summary, losses)
    assert COUNTS[fmt](folder) == (summary["images"], summary["annotations"])
    files = [path for path in folder.rglob("*") if path.is_file()]
    contents = [path.read_bytes() for path in files] + [content for _, content in members_of(folder)]
    assert sum(content[1:4] == b"PNG" for content in contents) == summary["images"]
    assert all(path.resolve().is_relative_to(folder) for path in files)
    expected = ALWAYS | (OF_SIZED if fmt in SIZED else set()) | OF_VARIANT.get((fmt, task), set())
    named = {(loss["item_id"], loss["annotation_id"], loss["reason_code"]) for loss in losses}
    assert {(ids[why], annotation, code) for why, annotation, code in expected} <= named
    require_words(command.words, report)


def require_sums(summary: dict[str, Any], losses: list[dict[str, Any]]) -> None:
    assert summary["items_in"] == len(ITEMS) == summary["images"] + summary["items_skipped"]
    assert summary["annotations_in"] == summary["annotations"] + summary["annotations_skipped"]
    gone = {loss["item_id"] for loss in losses if loss["reason_code"] in {"item_skipped", "size_unknown"}}
    assert len(gone) == summary["items_skipped"] >= MISSING


def require_words(words: str, report: dict[str, Any]) -> None:
    """Each entry is a sentence, the counts are those of the entries, and the command says them."""
    assert all(len(loss["message"].split()) >= 4 for loss in report["losses"])
    counted: dict[str, int] = {}
    for loss in report["losses"]:
        counted[loss["reason_code"]] = counted.get(loss["reason_code"], 0) + 1
    assert counted == report["counts"]
    said = re.search(r"Not everything could be carried \(([^)]*)\)", " ".join(words.split()))
    assert said is not None, words
    assert dict(reversed(part.split()) for part in said[1].split(", ")) == {k: str(v) for k, v in counted.items()}


@pytest.mark.parametrize(("fmt", "task"), [("coco", "segmentation"), ("yolo", "segment"), ("jsonl", "")])
def test_strict_fails_and_leaves_nothing(sqlite_stage, ids, tmp_path: Path, fmt: str, task: str):
    command = export(sqlite_stage, tmp_path, fmt, task, "--strict")
    assert command.wait() == 1
    assert "Traceback" not in command.words
    assert list((tmp_path / "out").glob("*")) == []


def test_the_original_that_is_gone_is_listed_by_name(sqlite_stage, ids, tmp_path: Path):
    command = export(sqlite_stage, tmp_path, "csv", "")
    assert command.wait() == 0, command.words
    ((name, reason),) = read(tmp_path / "out" / "csv" / "error_file_list.json")["origin_file_name"]
    assert name == "gone.png"
    assert "could not be fetched" in reason
