"""`synapse export --since` and `synapse apply-delta`, as a person types them."""

import hashlib
import json
import shlex
from pathlib import Path

import pytest

from tests.cli.data_sets import make_voc
from tests.export.support import tree

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def project(synapse, tmp_path):
    synapse.json("import", "voc", make_voc(tmp_path / "owls", 4), "--project", "growing birds")
    return "growing birds"


def test_an_export_is_brought_up_to_date(synapse, project, tmp_path):
    export = ["export", "--project", project, "--format", "coco", "--keep-items"]
    old = synapse.json(*export, "--out", tmp_path / "old")
    synapse.json("import", "voc", make_voc(tmp_path / "more", 6), "--project", project)

    delta = synapse.json("export", "--since", old["path"], "--out", tmp_path / "delta")
    applied = synapse.json("apply-delta", old["path"], delta["path"], "--out", tmp_path / "new")
    whole = synapse.json(*export, "--out", tmp_path / "whole")

    assert old["exported"] == 4
    assert 0 < delta["exported"] < whole["exported"] == applied["exported"]
    assert applied["head"] == "merged"
    assert tree(tmp_path / "new") == tree(tmp_path / "whole")
    again = synapse.json("apply-delta", old["path"], delta["path"], "--out", tmp_path / "new")
    assert again["path"] == f"{applied['path']}(1)", "nothing is overwritten"


def test_a_delta_says_what_to_do_with_it(synapse, project, tmp_path):
    export = ["export", "--project", project, "--format", "csv", "--images", "none"]
    old = synapse.json(*export, "--keep-items", "--out", tmp_path / "old")
    update = ["export", "--since", old["path"], "--out", tmp_path / "delta"]

    idle = synapse(*update)
    assert "is up to date" in idle.stderr
    assert "filter" not in idle.stderr, "nobody asked for one"
    synapse.json("import", "voc", make_voc(tmp_path / "more", 8), "--project", project)
    told = synapse(*update)
    words = shlex.split(told.stderr.partition("Apply it with: ")[2].replace("\n", " "))
    assert words[:3] == ["synapse", "apply-delta", old["path"]]
    assert Path(words[3], "deletions.jsonl").is_file()
    assert synapse.json(*update)["deleted"] == 0

    delta = synapse.json(*update)["path"]
    new = synapse.json("apply-delta", old["path"], delta, "--out", tmp_path / "new")
    assert "nothing to apply" in synapse("apply-delta", new["path"], delta, "--out", tmp_path / "new").stderr
    synapse.json("import", "voc", make_voc(tmp_path / "more", 9), "--project", project)
    further = synapse("export", "--since", delta, "--out", tmp_path / "further")
    assert "is a delta, too: apply it first" in " ".join(further.stderr.split())

    bare = synapse.json(*export, "--out", tmp_path / "bare")
    assert "without --keep-items" in synapse("export", "--since", bare["path"], "--out", tmp_path / "delta").stderr


def test_a_delta_of_which_no_item_could_be_had_is_one_all_the_same(synapse, project, platform, tmp_path):
    old = synapse.json("export", "--project", project, "--format", "coco", "--keep-items", "--out", tmp_path / "old")
    more = make_voc(tmp_path / "more", 1, first=8150)
    synapse.json("import", "voc", more, "--project", project)
    sha256 = hashlib.sha256((more / "JPEGImages" / "8150.png").read_bytes()).hexdigest()
    (platform.settings.storage_dir / "files" / sha256[:2] / sha256[2:]).unlink()
    delta = synapse.json("export", "--since", old["path"], "--out", tmp_path / "delta")
    assert (delta["exported"], delta["failed"], delta["deleted"]) == (0, 1, 0)


def test_an_image_that_is_lost_from_an_export_is_missing_from_the_next_or_fails_it(synapse, project, tmp_path):
    old = synapse.json("export", "--project", project, "--format", "coco", "--keep-items", "--out", tmp_path / "old")
    synapse.json("import", "voc", make_voc(tmp_path / "more", 1, first=8160), "--project", project)
    delta = synapse.json("export", "--since", old["path"], "--out", tmp_path / "delta")
    next(Path(old["path"], "images").iterdir()).unlink()
    update = ["apply-delta", old["path"], delta["path"], "--out", tmp_path / "new"]

    told, refused = synapse(*update), synapse(*update, "--strict")

    assert told.exit_code == 0, told.output
    assert "items are missing from this data set" in " ".join(told.stderr.split())
    assert refused.exit_code == 1
    assert "cannot be carried by coco, and strict is on" in " ".join(refused.stderr.split())
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_since_takes_no_other_choice(synapse, project, tmp_path):
    old = synapse.json("export", "--project", project, "--format", "coco", "--out", tmp_path / "old")
    out = ["--out", tmp_path / "delta"]

    assert synapse("export", "--since", old["path"], "--format", "yolo", *out).exit_code == 2
    assert synapse("export", "--since", old["path"]).exit_code == 2
    refused = synapse("export", "--since", tmp_path, *out)
    assert refused.exit_code == 1
    assert "no finished export" in refused.stderr
    assert not (tmp_path / "delta").exists()


def test_an_export_without_items_says_how_to_keep_them(synapse, project, tmp_path):
    old = synapse.json("export", "--project", project, "--format", "coco", "--out", tmp_path / "old")
    idle = synapse("export", "--since", old["path"], "--out", tmp_path / "delta", "--json")
    assert "is up to date" in idle.stderr
    delta = json.loads(idle.stdout)

    refused = synapse("apply-delta", old["path"], delta["path"], "--out", tmp_path / "new")

    assert refused.exit_code == 1
    assert "--keep-items" in refused.stderr
    assert not tree(tmp_path / "new")
