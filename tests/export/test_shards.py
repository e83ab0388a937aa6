"""An export in shards: by itself when it is large, in the same bytes for any number of workers, on little more disk."""

import json
import os
import tarfile
from pathlib import Path

import pytest

from synapse_sdk.plugins.actions.export.formats import intake, target
from synapse_sdk.utils.converters import Format, WriterReport, validate_dataset
from synapse_sdk.utils.converters.blocks import worker
from synapse_sdk.utils.converters.sinks import shards
from synapse_sdk.utils.file.checksum import calculate_checksum
from tests.export.bundles import hostile_rows, open_exporter, run_exporter, write_bundle

LIMIT = target.MANY_FILES


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(intake, "BLOCK_ITEMS", 20)


@pytest.mark.parametrize(
    ("fmt", "asked", "count", "items"),
    [
        ("yolo", None, LIMIT - 1, 0), ("yolo", None, LIMIT, 10_000), ("voc", None, 10_000_000, 10_000),
        ("yolo", 0, 10_000_000, 0), ("voc", 7, 1, 7), ("coco", None, 10_000_000, 0), ("csv", 7, 10_000_000, 0),
    ],
)  # fmt: skip
def test_shards_come_by_themselves_unless_asked_otherwise(fmt, asked, count, items):
    assert target.shard_items_of(Format(fmt), {"shard_items": asked, "count": count}) == items


@pytest.mark.parametrize(
    ("fmt", "cut"),
    [
        ("yolo", {"shard_items": 9}), ("voc", {"shard_items": 9}), ("webdataset", {"options": {"shard_items": 9}}),
        ("parquet", {"options": {"file_rows": 9, "group_rows": 4}}),
    ],
)  # fmt: skip
def test_shards_are_the_same_for_any_number_of_workers(tmp_path, fmt, cut):
    bundle = write_bundle(tmp_path / "bundle", hostile_rows(120, seed=31))
    found = []
    for name, workers in (("one", 1), ("two", 2)):
        out = tmp_path / name / "out"
        found.append(run_exporter(open_exporter(bundle, out, format=fmt, parallelism=workers, **cut), out))
    assert found[0] == found[1]
    assert len([name for name in found[0] if name.endswith((".tar", ".parquet"))]) > 9
    assert validate_dataset(fmt, tmp_path / "two" / "out").ok


def test_what_is_wrong_in_a_shard_is_told_by_the_shards_name(tmp_path):
    out = tmp_path / "out"
    bundle = write_bundle(tmp_path / "bundle", hostile_rows(40, seed=33))
    run_exporter(open_exporter(bundle, out, format="yolo", shard_items=9, parallelism=1), out)
    index, shard = out / "shards.json", out / "shard-000001.tar"
    with tarfile.open(shard) as archive:
        (label, *_) = [name for name in archive.getnames() if name.endswith(".txt")]
    (tmp_path / label).parent.mkdir(parents=True)
    (tmp_path / label).write_text("no row\n")
    with tarfile.open(shard, "w") as archive:
        archive.add(tmp_path / label, label)
    facts = json.loads(index.read_text())
    facts["shards"][1] |= {"size_bytes": shard.stat().st_size, "sha256": calculate_checksum(shard)}
    index.write_text(json.dumps(facts))

    report = target.validate_target(out, Format.YOLO, WriterReport(Format.YOLO))

    assert f"{shard.name}/{label}" in {finding.path for finding in report.errors}


@pytest.mark.parametrize("is_proven", [True, False])
def test_disk_holds_the_export_and_one_shard_more(tmp_path, monkeypatch, is_proven):
    image = tmp_path / "bundle" / "photo.jpg"
    image.parent.mkdir()
    image.write_bytes(os.urandom(40_000))
    bundle = write_bundle(image.parent, hostile_rows(240, seed=32, image=image))
    out, peaks = tmp_path / "out", [0]

    def watched(method):
        def call(*args, **kwargs):
            result = method(*args, **kwargs)
            peaks.append(size_of(out))
            return result

        return call

    monkeypatch.setattr(shards._Series, "add", watched(shards._Series.add))
    monkeypatch.setattr(tarfile.TarFile, "extractall", watched(tarfile.TarFile.extractall))
    if not is_proven:
        monkeypatch.setattr(worker, "is_proven", lambda *_: False)
    run_exporter(open_exporter(bundle, out, format="yolo", images="copy", shard_items=10, parallelism=1), out)

    assert len(list(out.glob("*.tar"))) >= 20
    assert max(peaks) <= 1.1 * size_of(out)
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def size_of(folder: Path) -> int:
    files = [path.lstat() for path in folder.rglob("*") if path.is_file()]
    return sum({facts.st_ino: facts.st_size for facts in files}.values())
