"""What lies in a bundle's folder, byte by byte."""

import errno
import hashlib
import json
from pathlib import Path

import pytest

from synapse_sdk.wire.bundle import BundleManifest, ExportTarget
from web_helper.backend.jobs import bundle_files
from web_helper.backend.jobs.bundle_files import BundleFiles, bundle_path_of
from web_helper.backend.jobs.bundle_writer import PartPlan, write_manifest, write_parts
from web_helper.backend.jobs.durable_files import remove_tree
from web_helper.backend.jobs.job_control import JobStopped
from web_helper.backend.queries.export_rows import Row, Unit, UnitFile


def line(number: int) -> bytes:
    return json.dumps({"id": number, "data": {"annotations": []}, "files_manifest": {}}).encode()


def plan(total: int, rows_per_part: int = 10) -> PartPlan:
    return PartPlan(ExportTarget.ASSIGNMENT, total, rows_per_part)


def write(folder: Path, total: int, rows_per_part: int = 10):
    seen = []
    parts = list(write_parts(folder, map(line, range(total)), plan(total, rows_per_part), seen.append))
    return parts, seen


def test_rows_that_fit_lie_in_one_file_named_for_the_target(tmp_path):
    parts, seen = write(tmp_path, 10)
    assert [part.path for part in parts] == ["assignments.jsonl"]
    assert seen[-1] == 10
    lines = (tmp_path / "assignments.jsonl").read_bytes().splitlines()
    assert [json.loads(row)["id"] for row in lines] == list(range(10))


def test_more_rows_are_spread_over_numbered_parts_with_true_checksums(tmp_path):
    parts, seen = write(tmp_path, 25)
    assert [(part.path, part.rows) for part in parts] == [
        ("assignments-00000.jsonl", 10),
        ("assignments-00001.jsonl", 10),
        ("assignments-00002.jsonl", 5),
    ]
    for part in parts:
        data = (tmp_path / part.path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (part.size_bytes, part.sha256)
    assert seen == sorted(seen)
    assert seen[-1] == 25


def test_an_empty_export_has_one_empty_part(tmp_path):
    parts, _ = write(tmp_path, 0)
    assert [(part.path, part.rows, part.size_bytes) for part in parts] == [("assignments.jsonl", 0, 0)]


def test_a_part_that_is_not_finished_is_not_there(tmp_path):
    def lines():
        yield line(1)
        raise JobStopped

    with pytest.raises(JobStopped):
        list(write_parts(tmp_path, lines(), plan(2), lambda _rows: None))
    assert list(tmp_path.iterdir()) == []


def test_manifest_bytes_do_not_depend_on_the_order_of_the_filter(tmp_path):
    def manifest(filters):
        return BundleManifest(target="task", filter=filters, row_count=0, file_count=0, parts=[])

    write_manifest(tmp_path, manifest({"status": "completed", "ids": [1, 2]}))
    first = (tmp_path / "manifest.json").read_bytes()
    write_manifest(tmp_path, manifest({"ids": [1, 2], "status": "completed"}))
    assert (tmp_path / "manifest.json").read_bytes() == first
    assert BundleManifest.model_validate_json(first).filter == {"status": "completed", "ids": [1, 2]}


class Store:
    """A folder of stored contents, as the server keeps them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, content: bytes, name: str = "photo.jpg", **fields) -> UnitFile:
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"files/{sha256[:2]}/{sha256[2:]}"
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)
        facts = {"path": path, "sha256": sha256, "size_bytes": len(content), **fields}
        return UnitFile(
            data_file_id=1, storage_id=1, specification="image", is_primary=True, file_name_original=name, **facts
        )


@pytest.fixture
def store(tmp_path) -> Store:
    (tmp_path / "store").mkdir()
    return Store(tmp_path / "store")


@pytest.fixture
def bundle(tmp_path) -> Path:
    (tmp_path / "bundle").mkdir()
    return tmp_path / "bundle"


@pytest.fixture
def other_file_system(monkeypatch) -> None:
    def refuse(*_):
        raise OSError(errno.EXDEV, "cross-device link")

    monkeypatch.setattr(bundle_files.os, "link", refuse)


def place(bundle: Path, store: Store, *files: UnitFile, check=lambda: None):
    rows = [Row(number, None, Unit(number, "", None, None), (), [], [file]) for number, file in enumerate(files)]
    with BundleFiles(bundle, lambda _storage: store.root, check) as placing:
        path_of = placing.place(rows)
    return [path_of(file) for file in files], placing


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_in_the_same_file_system_is_a_second_name_of_the_same_bytes(bundle, store):
    file = store.add(b"an image", "Photo.JPG")
    (path,), placing = place(bundle, store, file)
    assert path == f"files/{file.sha256[:2]}/{file.sha256}.jpg"
    assert (bundle / path).samefile(store.root / file.path)
    assert (placing.file_count, placing.missing_files) == (1, 0)


def test_a_file_elsewhere_is_copied_and_checked(bundle, store, other_file_system):
    good, bad = store.add(b"good"), store.add(b"fine")
    (store.root / bad.path).write_bytes(b"torn")
    paths, placing = place(bundle, store, good, bad)
    assert (bundle / paths[0]).read_bytes() == b"good"
    assert paths[1] is None
    assert (placing.file_count, placing.missing_files) == (1, 1)
    assert files_in(bundle) == [bundle / paths[0]]


def test_one_content_is_kept_once_however_many_rows_use_it(bundle, store):
    paths, placing = place(bundle, store, *[store.add(b"shared")] * 500)
    assert len(set(paths)) == placing.file_count == len(files_in(bundle)) == 1


def test_missing_truncated_and_escaping_files_have_no_path_and_are_counted(bundle, store, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    gone, short = store.add(b"gone"), store.add(b"shortened")
    (store.root / gone.path).unlink()
    (store.root / short.path).write_bytes(b"short")
    escaping = store.add(b"secret", path="../secret")
    paths, placing = place(bundle, store, gone, short, escaping)
    assert paths == [None, None, None]
    assert (placing.file_count, placing.missing_files) == (0, 3)
    assert files_in(bundle) == []


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.JPG", ".jpg"), ("a.tar.gz", ".gz"), ("a", ""), ("a.j/../p", ""), ("x.한글", ""), ("x." + "y" * 40, "")],
)
def test_of_a_name_only_a_harmless_extension_is_kept(store, name, extension):
    file = store.add(b"x", name)
    assert bundle_path_of(file) == f"files/{file.sha256[:2]}/{file.sha256}{extension}"


def test_a_told_stop_ends_between_blocks_of_a_file(bundle, store, other_file_system, monkeypatch):
    monkeypatch.setattr(bundle_files, "BLOCK_BYTES", 1)
    calls = []

    def check():
        calls.append(None)
        if len(calls) > 3:
            raise JobStopped

    with pytest.raises(JobStopped):
        place(bundle, store, store.add(b"a big file"), check=check)
    assert files_in(bundle) == []


def test_an_object_store_takes_the_same_bundle(tmp_path, store):
    upath = pytest.importorskip("upath")
    files = [store.add(f"bytes {number}".encode()) for number in range(20)]
    gone = store.add(b"gone")
    (store.root / gone.path).unlink()
    bucket = upath.UPath("memory://bucket/exports/1")
    bucket.mkdir(parents=True, exist_ok=True)
    paths, placing = place(bucket, store, *files, gone)
    parts, _ = write(bucket, 25)
    local, _ = write(tmp_path, 25)
    assert parts == local
    assert (placing.file_count, placing.missing_files) == (20, 1)
    assert (bucket / paths[3]).read_bytes() == b"bytes 3"
    remove_tree(bucket)
    assert not list(bucket.rglob("*.jsonl"))
