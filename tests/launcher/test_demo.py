"""The demo as a newcomer runs it: real photographs, real processes, other software's verdict."""

import json

import pytest

from tests.conftest import run_synapse

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("platform")]


def test_demo_shows_every_photograph_and_object_in_each_format(tmp_path):
    done = run_synapse("demo", "--exit", "--json", cwd=tmp_path)
    rows = {row["step"]: row for row in json.loads(done.stdout)}
    assert set(rows) == {
        "segment",
        "import",
        *(f"{step} {fmt}" for step in ("export", "check") for fmt in ("coco", "yolo", "voc")),
    }
    counts = {(row["images"], row["objects"], row["classes"]) for row in rows.values()}
    assert counts == {(10, rows["segment"]["objects"], 10)}
    assert rows["segment"]["objects"] > 100
    assert all(rows[f"export {fmt}"]["note"] == "delegated" for fmt in ("coco", "yolo", "voc"))
    assert "1.000" in rows["check coco"]["note"]


def test_a_second_demo_adds_nothing(tmp_path):
    run_synapse("demo", "--exit", "--json", cwd=tmp_path)
    rows = json.loads(run_synapse("demo", "--exit", "--json", cwd=tmp_path).stdout)
    assert next(row["note"] for row in rows if row["step"] == "import").endswith("0 new, 10 there already")
