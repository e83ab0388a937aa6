"""Conversion in blocks, by one process or several: the same bytes as item by item, and a clear end when something fails."""

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from synapse_sdk.exceptions import ExportError
from synapse_sdk.plugins.actions.export.formats import FormatExporter, intake, spreading
from synapse_sdk.plugins.actions.export.output.record import ItemsDigest
from synapse_sdk.utils.converters import validate_dataset
from synapse_sdk.utils.converters.blocks import pool
from tests.export.bundles import hostile_rows, open_exporter, run_exporter, write_bundle

FORMATS = ("coco", "yolo", "voc", "csv", "jsonl")


class OneByOne(FormatExporter):
    """A plugin's exporter, which gets each item by itself."""


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(intake, "BLOCK_ITEMS", 20)


@pytest.fixture(autouse=True)
def started(monkeypatch) -> list[pool._Worker]:
    """The other processes, which are ready before the first block: a small export would be over without them."""
    found: list[pool._Worker] = []
    opened = pool.ProcessPool.__init__

    def open_ready(self, job, workers):
        opened(self, job, workers)
        found.extend(self._workers)
        while not all(worker.room for worker in found):
            self._receive(None)

    monkeypatch.setattr(pool.ProcessPool, "__init__", open_ready)
    return found


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"a photo")
    return folder / "photo.jpg"


def every_way(bundle, tmp_path: Path, **params) -> list[dict[str, bytes]]:
    found = []
    for name, kind, workers in (("plain", OneByOne, 1), ("one", FormatExporter, 1), ("two", FormatExporter, 2)):
        target = tmp_path / name / "out"
        found.append(run_exporter(open_exporter(bundle, target, kind, parallelism=workers, **params), target))
    assert list(tmp_path.rglob("*.part*")) == []
    return found


@pytest.mark.parametrize("split", [None, {"train": 0.5, "val": 0.3, "test": 0.2}, "tag"])
@pytest.mark.parametrize("fmt", FORMATS)
def test_the_bytes_are_the_same_for_any_number_of_workers(tmp_path, fmt, split):
    bundle = write_bundle(tmp_path / "bundle", hostile_rows(250, seed=5))
    plain, one, two = every_way(bundle, tmp_path, format=fmt, split=split)
    assert plain == one == two
    assert validate_dataset(fmt, tmp_path / "two" / "out").ok


@pytest.mark.parametrize("fmt", ["coco", "voc"])
def test_blocks_are_shared_among_all_processes(tmp_path, fmt, started, monkeypatch):
    sent, own = [], []
    send, convert = pool._Worker.send, pool.BlockConverter.convert
    monkeypatch.setattr(pool._Worker, "send", lambda self, place: sent.append(self) or send(self, place))
    monkeypatch.setattr(pool.BlockConverter, "convert", lambda self, items: own.append(items) or convert(self, items))
    bundle = write_bundle(tmp_path / "bundle", hostile_rows(700, seed=15))
    found = []
    for workers in (1, 3):
        target = tmp_path / str(workers) / "out"
        found.append(run_exporter(open_exporter(bundle, target, format=fmt, parallelism=workers, split="tag"), target))
    assert found[0] == found[1]
    assert len(sent) + len(own) == 35
    assert set(sent) == set(started)


def test_an_export_does_not_wait_for_a_process_that_still_starts(tmp_path, started, monkeypatch):
    opened = pool.ProcessPool.__init__

    def open_slow(self, job, workers):
        opened(self, job, workers)
        for worker in self._workers:
            worker.room = 0

    monkeypatch.setattr(pool.ProcessPool, "__init__", open_slow)
    monkeypatch.setattr(pool._Worker, "send", lambda *_: pytest.fail("it has no room"))
    plain, one, two = every_way(write_bundle(tmp_path / "bundle", hostile_rows(200, seed=16)), tmp_path, format="coco")
    assert plain == one == two
    assert len(started) == 1


@pytest.mark.parametrize("images", ["copy", "link"])
@pytest.mark.parametrize("fmt", FORMATS)
def test_images_and_the_losses_of_missing_ones_are_the_same(tmp_path, image, fmt, images):
    bundle = write_bundle(image.parent, hostile_rows(120, seed=6, image=image))
    plain, one, two = every_way(bundle, tmp_path, format=fmt, images=images, split="tag")
    assert plain == one == two
    assert b"could not be fetched" in one["loss_report.json"]
    assert sum(name.startswith(("images/", "JPEGImages/")) for name in one) > 50


@pytest.mark.parametrize(
    ("fmt", "task"),
    [("coco", "segmentation"), ("coco", "keypoints"), ("yolo", "segment"), ("yolo", "pose"), ("yolo", "obb")],
)
def test_what_the_first_item_decides_is_decided_in_order(tmp_path, fmt, task):
    """How many keypoints a class has, for one: blocks that need it are converted by the process that knows."""
    rows = hostile_rows(150, seed=7, keypoints=True)
    first = {"type": "keypoints", "category": "cat", "keypoints": [5, 5, 2, 20, 20, 1]}
    rows[0] |= {"data": {"annotations": [first]}, "data_unit": rows[0]["data_unit"] | {"width": 200}}
    bundle = write_bundle(tmp_path / "bundle", rows)
    plain, one, two = every_way(bundle, tmp_path, format=fmt, options={"task": task})
    assert plain == one == two


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("fmt", FORMATS)
def test_what_is_proven_on_the_way_is_what_the_validator_finds(tmp_path, fmt, workers, monkeypatch):
    rows = [row for row in hostile_rows(300, seed=8) if row["data"] and len(row["data"].get("annotations") or ()) == 3]
    rows = [
        row for row in rows if all(set(a or "?") <= {"type", "category", "bbox"} for a in row["data"]["annotations"])
    ]
    assert len(rows) > 50
    bundle = write_bundle(tmp_path / "bundle", rows)
    exporter = open_exporter(bundle, tmp_path / "proven" / "out", format=fmt, split="tag", parallelism=workers)
    proven = run_exporter(exporter, tmp_path / "proven" / "out")
    assert exporter._proof is not None
    assert exporter._proof.to_report() is not None
    monkeypatch.setattr("synapse_sdk.utils.converters.blocks.worker.is_proven", lambda *_: False)
    target = tmp_path / "read" / "out"
    assert run_exporter(open_exporter(bundle, target, format=fmt, split="tag", parallelism=1), target) == proven


@pytest.mark.parametrize("fmt", ["yolo", "voc"])
def test_a_file_that_is_cut_after_it_was_proven_is_found(tmp_path, fmt):
    target = tmp_path / "out"
    exporter = open_exporter(write_bundle(tmp_path / "bundle", hostile_rows(80, seed=9)), target, format=fmt)
    exporter.save_items(exporter.convert_items(exporter.export_items), target)
    victim = max((target / {"yolo": "labels", "voc": "Annotations"}[fmt]).rglob("*.*"), key=lambda p: p.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-20])
    with pytest.raises(ExportError, match="breaks its format's rules") as failure:
        exporter.additional_file_saving(target)
    # Places are told from the data set's root on: equal exports have equal reports, wherever they lie.
    report = json.loads((target / "validation_report.json").read_text())
    assert victim.relative_to(target).as_posix() in {finding["path"] for finding in report["errors"]}
    assert str(tmp_path) not in str(failure.value) + json.dumps(report)


def test_strict_fails_for_the_same_reason_in_blocks(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", hostile_rows(100, seed=10))
    said = []
    for name, workers in (("one", 1), ("two", 2)):
        target = tmp_path / name / "out"
        with pytest.raises(ExportError, match="strict is on") as caught:
            run_exporter(open_exporter(bundle, target, format="coco", strict=True, parallelism=workers), target)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_a_killed_worker_ends_the_export_with_its_reason(tmp_path, monkeypatch, started):
    at_block(monkeypatch, 4, lambda: os.kill(started[0]._process.pid, signal.SIGKILL))
    target = tmp_path / "out"
    exporter = open_exporter(
        write_bundle(tmp_path / "b", hostile_rows(600, seed=11)), target, format="coco", parallelism=2
    )
    with pytest.raises(ExportError, match=r"worker process .* ended early \(exit status -9\)"):
        run_exporter(exporter, target)
    assert all(worker._process.poll() is not None for worker in started)
    exporter.dataset.abort()
    assert [path for path in target.rglob("*") if path.is_file()] == []


def test_an_interruption_leaves_no_process_behind(tmp_path, monkeypatch, started):
    def interrupt():
        raise KeyboardInterrupt

    at_block(monkeypatch, 4, interrupt)
    target = tmp_path / "out"
    exporter = open_exporter(
        write_bundle(tmp_path / "b", hostile_rows(600, seed=12)), target, format="csv", parallelism=3
    )
    with pytest.raises(KeyboardInterrupt):
        run_exporter(exporter, target)
    exporter.dataset.abort()
    assert len(started) == 2
    assert all(worker._process.poll() is not None for worker in started)


def at_block(monkeypatch, number: int, act) -> None:
    """Do something when the other processes have been sent so many blocks."""
    sent, send = [], pool._Worker.send

    def send_and_act(self, place):
        send(self, place)
        sent.append(place)
        if len(sent) == number:
            act()

    monkeypatch.setattr(pool._Worker, "send", send_and_act)


def test_a_full_disk_in_a_worker_is_a_full_disk(tmp_path):
    target = tmp_path / "out"
    exporter = open_exporter(
        write_bundle(tmp_path / "b", hostile_rows(60, seed=13)), target, format="yolo", parallelism=2
    )
    (target / "labels").write_text("a file where a folder belongs")
    with pytest.raises(OSError, match=r"File exists|Not a directory"):
        run_exporter(exporter, target)


@pytest.mark.parametrize(("count", "workers"), [(0, 1), (19_999, 1), (20_000, 4), (10_000_000, 4)])
def test_large_exports_take_every_core_unless_told_otherwise(count, workers):
    assert spreading.choose_workers(None, count, cores=4) == workers
    assert spreading.choose_workers(2, count, cores=4) == 2


@pytest.mark.parametrize("fmt", FORMATS)
def test_memory_does_not_follow_the_number_of_items(tmp_path, fmt):
    def peak(count: int) -> int:
        rows = hostile_rows(count, seed=14)
        bundle = write_bundle(tmp_path / f"b{count}", rows)
        del rows
        exporter = open_exporter(bundle, tmp_path / f"m{count}" / "out", format=fmt, parallelism=1)
        exporter.ctx.logger._write_log = lambda entry: None
        tracemalloc.start()
        exporter.save_items(exporter.convert_items(exporter.export_items), tmp_path / f"m{count}" / "out")
        exporter.dataset.close()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(20)
    assert peak(1600) - peak(400) < 1_000_000


def test_a_converting_process_starts_without_what_it_does_not_need():
    code = (
        "import sys; from synapse_sdk.utils.converters.blocks import worker; "
        "print([name for name in ('pydantic', 'yaml', 'httpx2', 'http.client') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize("fmt", ["coco", "csv"])
def test_a_row_longer_than_a_read_is_one_row_and_its_attributes_pass_as_they_are(tmp_path, fmt):
    rows = hostile_rows(40, seed=9)
    long = {
        "type": "bbox",
        "category": "cat",
        "bbox": [1, 2, 3, 4],
        "attributes": {"note": 'ü"\n' * 60_000, "none": None},
    }
    small = {"type": "bbox", "category": "cat", "bbox": [5, 6, 7.5, 8]}
    for place in (10, 11, 39):
        rows[place]["data"] = {"annotations": [long, small | {"attributes": {}}, small | {"attributes": None}]}
    bundle = write_bundle(tmp_path / "bundle", rows)
    plain, one, two = every_way(bundle, tmp_path, format=fmt)
    assert plain == one == two
    assert sum(text.count(b"\\u00fc") + text.count("ü".encode()) for text in one.values()) >= 180_000


def test_the_digest_of_items_tells_whose_data_it_is():
    def digest_of(*data: object) -> str:
        digest = ItemsDigest()
        for number, each in enumerate(data):
            digest.add({"id": number, "data": each})
        return digest.hexdigest()

    assert digest_of(1, 23) == digest_of(1, 23)
    assert len({digest_of(1, 23), digest_of(12, 3), digest_of(123), digest_of(None, 123), digest_of(123, None)}) == 5
