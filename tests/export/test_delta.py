"""`since`: what changed, applied to the older export, is the whole export, byte for byte."""

import gzip
import hashlib
import json
import random
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import text

from synapse_sdk.exceptions import BundleError, ConfigurationError, ExportError
from synapse_sdk.plugins.actions.export.delta.applying import apply_delta
from synapse_sdk.plugins.actions.export.delta.opened import OpenedExport
from synapse_sdk.plugins.actions.export.formats import FormatExportAction
from tests.backend.factories import boxes, stored
from tests.export.platform import export
from tests.export.support import make_ctx, tree

FORMATS = ("coco", "yolo", "voc", "csv", "jsonl")
CASES = [
    *product(FORMATS, [{}, {"split": {"train": 0.5, "val": 0.5}}, {"images": "none"}, {"images": "link"}]),
    ("yolo", {"shard_items": 3}),
    ("voc", {"shard_items": 2, "split": "tag"}),
    ("webdataset", {"options": {"shard_items": 3}}),
    ("webdataset", {"split": {"train": 0.5, "val": 0.5}}),
    ("parquet", {}),
]
# Equal names, so that a deletion gives its name to the next.
NAMES = ["a.jpg", "a.jpg", "b.png", "a.jpg", "../x.jpg", "c.jpg", "b.png", "d.jpg"]
RENAME = (
    "UPDATE data_unit_files SET file_name_original = :name"
    " WHERE data_unit_id = (SELECT data_unit_id FROM tasks WHERE id = :id)"
)
ODD = {"annotations": [{"id": 1, "type": "polygon", "category": "dog", "segmentation": [[1, 1, 50, 1, 50, 50]],
                        "attributes": {"wild": True}}, {"id": 2, "type": "bbox", "category": "fish", "bbox": [1, 1, 2, 2]}]}  # fmt: skip


@pytest.fixture
def project(platform):
    project = platform.make.project()
    tasks = platform.make.tasks(project, files=True, names=NAMES, data=boxes("cat", "dog"))
    platform.make.tag(project, "train", tasks=tasks)
    return {**project, "tasks": tasks}


def run(platform, folder: Path, project, **params) -> Path:
    given = {"out": str(folder), "storage": None, "project": project["id"], "keep_items": True, "split_seed": 3}
    export(platform, platform.ctx(), FormatExportAction, **(given | params))
    return folder / "out"


def delta_of(platform, old: Path, folder: Path) -> Path:
    opened = OpenedExport.read(old)
    export(platform, platform.ctx(), FormatExportAction, out=str(folder), storage=None, **opened.parameters(),
           since=opened.snapshot)  # fmt: skip
    return folder / "out"


def edit(platform, project, chance: random.Random, round_: int) -> None:
    some = chance.sample(project["tasks"], 4)
    changes = [
        ("UPDATE tasks SET data = :data WHERE id = :id", {"id": some[0], "data": stored(boxes("dog", "dog"))}),
        ("UPDATE tasks SET data = :data WHERE id = :id", {"id": some[1], "data": stored(ODD)}),
        ("DELETE FROM task_tags WHERE task_id = :id", {"id": some[2]}),
        ("DELETE FROM tasks WHERE id = :id", {"id": some[2]}),
        (RENAME, {"id": some[3], "name": chance.choice(NAMES)}),
    ]  # fmt: skip
    with platform.database.write() as session:
        for statement, values in changes:
            session.execute(text(statement), values)
    project["tasks"].remove(some[2])
    project["tasks"] += platform.make.tasks(
        project, files=True, names=[f"new {round_}.jpg", "a.jpg"], data=boxes("cat")
    )


@pytest.mark.parametrize(("fmt", "more"), CASES)
def test_deltas_one_after_the_other_give_whole_exports(platform, tmp_path, project, fmt, more):
    chance = random.Random(f"{fmt} {more}")
    held = run(platform, tmp_path / "first", project, format=fmt, **more)
    for round_ in range(2):
        edit(platform, project, chance, round_)
        delta = delta_of(platform, held, tmp_path / f"delta {round_}")
        whole = run(platform, tmp_path / f"whole {round_}", project, format=fmt, **more)

        result = apply_delta(held, delta, tmp_path / f"applied {round_}", make_ctx())

        held = Path(result["export_path"])
        assert tree(held) == tree(whole)
        assert OpenedExport.read(held).snapshot == OpenedExport.read(delta).snapshot


def test_a_delta_holds_what_changed_and_names_what_went(platform, tmp_path, project):
    old = run(platform, tmp_path / "old", project, format="jsonl")
    with platform.database.write() as session:
        values = {"id": project["tasks"][0], "data": stored(boxes("dog"))}
        session.execute(text("UPDATE tasks SET data = :data WHERE id = :id"), values)
        session.execute(text("DELETE FROM task_tags WHERE task_id = :id"), {"id": project["tasks"][1]})
        session.execute(text("DELETE FROM tasks WHERE id = :id"), {"id": project["tasks"][1]})

    delta = delta_of(platform, old, tmp_path / "delta")

    lines = [json.loads(line) for line in (delta / "annotations.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [project["tasks"][0]]
    assert lines[0]["annotations"][0]["category"] == "dog"
    assert [json.loads(line) for line in (delta / "deletions.jsonl").read_text().splitlines()] == [
        {"id": project["tasks"][1]}
    ]
    assert json.loads((delta / "export.json").read_text())["since"] == OpenedExport.read(old).snapshot


def test_a_class_that_was_added_since_is_in_the_result(platform, tmp_path, project):
    old = run(platform, tmp_path / "old", project, format="coco")
    classes = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "owl"}]
    body = {"configuration": {"class_schema": {"classes": classes}}}
    assert platform.make.client.patch(f"/v2/projects/{project['id']}/", json=body).status_code == 200

    delta = delta_of(platform, old, tmp_path / "delta")
    result = apply_delta(old, delta, tmp_path / "new", make_ctx())

    assert tree(Path(result["export_path"])) == tree(run(platform, tmp_path / "whole", project, format="coco"))


def test_a_delta_of_nothing_gives_the_same_again(platform, tmp_path, project):
    old = run(platform, tmp_path / "old", project, format="yolo")

    result = apply_delta(old, delta_of(platform, old, tmp_path / "delta"), tmp_path / "new", make_ctx())

    assert tree(Path(result["export_path"])) == tree(old)


def test_what_does_not_fit_is_refused_and_leaves_nothing(platform, tmp_path, project):
    old = run(platform, tmp_path / "old", project, format="coco")
    bare = run(platform, tmp_path / "bare", project, format="coco", keep_items=False)
    delta = delta_of(platform, old, tmp_path / "delta")
    other = run(platform, tmp_path / "other", project, format="yolo")
    out = tmp_path / "new"

    with pytest.raises(ConfigurationError, match="a whole export"):
        apply_delta(old, bare, out, make_ctx())
    with pytest.raises(ConfigurationError, match="differ in format"):
        apply_delta(other, delta, out, make_ctx())
    with pytest.raises(ConfigurationError, match="no finished export"):
        apply_delta(tmp_path, delta, out, make_ctx())
    with pytest.raises(RuntimeError, match="--keep-items") as without:
        apply_delta(bare, delta, out, make_ctx())
    assert isinstance(without.value.__cause__, ExportError)
    lines = gzip.decompress((old / "items.jsonl.gz").read_bytes())
    (old / "items.jsonl.gz").write_bytes(gzip.compress(lines.replace(b'"cat"', b'"dog"')))
    with pytest.raises(RuntimeError, match="not what the export's record describes") as torn:
        apply_delta(old, delta, out, make_ctx())
    assert isinstance(torn.value.__cause__, BundleError)
    assert not tree(out)


@pytest.mark.parametrize(
    "change",
    [{"class_schema": None}, {"class_schema": {"classes": [{"id": "x"}]}}, {"format": "tiff"}, {"filter": "all"},
     {"name": None}, {"target": "users"}, {"kept_items": {"rows": 1}}, {"snapshot": 7}],
)  # fmt: skip
def test_a_record_that_somebody_has_changed_is_refused_in_words(platform, tmp_path, project, change):
    old = run(platform, tmp_path / "old", project, format="coco")
    record = json.loads((old / "export.json").read_text())
    (old / "export.json").write_text(json.dumps(record | change))
    with pytest.raises(ConfigurationError, match=r"export\.json is missing, or not as it was written"):
        OpenedExport.read(old)


def test_items_that_somebody_has_written_reach_nothing_outside_the_exports(platform, tmp_path, project):
    """Names and links in kept items are words of whoever made the folder."""
    old = run(platform, tmp_path / "old", project, format="coco")
    delta = delta_of(platform, old, tmp_path / "delta")
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"of this machine only")
    lines = [json.loads(line) for line in gzip.decompress((old / "items.jsonl.gz").read_bytes()).splitlines()]
    for row in lines[1:]:
        row["data_unit"]["name"] = f"../../../{secret.name}"
        for file in row["files_manifest"].values():
            file |= {
                "file_name_original": f"../../../{secret.name}",
                "url": str(secret),
                "bundle_path": f"../{secret.name}",
            }
            file |= {"sha256": None, "size_bytes": None}
    content = b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in lines)
    (old / "items.jsonl.gz").write_bytes(gzip.compress(content))
    record = json.loads((old / "export.json").read_text())
    record["kept_items"] |= {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (old / "export.json").write_text(json.dumps(record))

    result = apply_delta(old, delta, tmp_path / "new", make_ctx())

    made = tree(tmp_path / "new")
    assert made
    assert not [name for name, content in made.items() if b"of this machine only" in content]
    assert all(path.resolve().is_relative_to(tmp_path / "new") for path in (tmp_path / "new").rglob("*"))
    assert Path(result["export_path"]).parent == tmp_path / "new"


def test_deltas_are_applied_in_their_order(platform, tmp_path, project):
    first = run(platform, tmp_path / "first", project, format="coco")
    edit(platform, project, random.Random(1), 1)
    second = run(platform, tmp_path / "second", project, format="coco")
    edit(platform, project, random.Random(2), 2)
    delta = delta_of(platform, second, tmp_path / "delta")

    with pytest.raises(ConfigurationError, match="in the order"):
        apply_delta(first, delta, tmp_path / "new", make_ctx())


def test_a_delta_is_not_brought_up_to_date_itself(platform, tmp_path, project):
    """What came of it would look like a whole export."""
    first = run(platform, tmp_path / "first", project, format="coco")
    edit(platform, project, random.Random(1), 1)
    second = delta_of(platform, first, tmp_path / "second")
    edit(platform, project, random.Random(2), 2)
    third = delta_of(platform, second, tmp_path / "third")

    with pytest.raises(ConfigurationError, match="is a delta, too"):
        apply_delta(second, third, tmp_path / "new", make_ctx())
    assert not (tmp_path / "new").exists()
    made = Path(apply_delta(first, second, tmp_path / "new", make_ctx())["export_path"])
    now = Path(apply_delta(made, third, tmp_path / "now", make_ctx())["export_path"])
    assert tree(now) == tree(run(platform, tmp_path / "whole", project, format="coco"))


def test_a_list_of_deletions_that_was_cut_is_refused(platform, tmp_path, project):
    old = run(platform, tmp_path / "old", project, format="coco")
    edit(platform, project, random.Random(1), 1)
    delta = delta_of(platform, old, tmp_path / "delta")
    lines = (delta / "deletions.jsonl").read_bytes().splitlines(keepends=True)
    assert lines
    (delta / "deletions.jsonl").write_bytes(b"".join(lines[:-1]))
    with pytest.raises(RuntimeError, match="is not what was exported"):
        apply_delta(old, delta, tmp_path / "new", make_ctx())
