"""What `make bench` holds exports against has to write what they write."""

from pathlib import Path

import pytest

from synapse_sdk.utils.converters.blocks import worker
from tests.bench.conversion import convert, write_bundle
from tests.bench.floor import FLOORS, different_files
from tests.bench.items import write_items


@pytest.mark.parametrize("fmt", FLOORS)
def test_the_floor_writes_the_bytes_of_an_export(fmt, tmp_path: Path, monkeypatch):
    # The benchmark times the proof by putting itself in its place.
    monkeypatch.setattr(worker, "is_proven", worker.is_proven)
    write_bundle(tmp_path / "bundle", 60)
    write_items(tmp_path / "items.jsonl", 60)
    (tmp_path / "floor").mkdir()

    FLOORS[fmt](tmp_path / "items.jsonl", tmp_path / "floor")
    convert(tmp_path / "bundle", tmp_path / "out", fmt, workers=1)

    assert different_files(tmp_path / "floor", tmp_path / "out") == []
