"""What lies in a bundle's folder, byte by byte."""

import errno
import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from synapse_sdk.wire.bundle import BundleManifest
from web_helper.backend.jobs import bundle_files
from web_helper.backend.jobs.bundle_files import BundleFiles, bundle_path_of
from web_helper.backend.jobs.bundle_writer import read_part_files, write_manifest, write_part
from web_helper.backend.jobs.durable_files import carry_file, remove_tree
from web_helper.backend.jobs.job_control import JobStopped
from web_helper.backend.queries.export_rows import UnitFile


def line(number: int, *paths: str | None) -> bytes:
    manifest = {str(index): {"bundle_path": path} for index, path in enumerate(paths)}
    row = {"id": number, "data": {"annotations": []}, "files_manifest": manifest}
    return msgspec.json.encode(row) + b"\n"


def write(folder: Path, rows: int):
    seen = []
    part = write_part(folder / "tasks.jsonl", ((line(number), 1) for number in range(rows)), seen.append)
    return part, seen


def test_a_part_has_true_checksums(tmp_path):
    part, seen = write(tmp_path, 25)
    data = (tmp_path / "tasks.jsonl").read_bytes()
    assert (part.path, part.rows, part.size_bytes) == ("tasks.jsonl", 25, len(data))
    assert part.sha256 == hashlib.sha256(data).hexdigest()
    assert [json.loads(row)["id"] for row in data.splitlines()] == list(range(25))
    assert sum(seen) == 25


def test_a_part_that_is_not_finished_is_not_there(tmp_path):
    def blocks():
        yield line(1), 1
        raise JobStopped

    with pytest.raises(JobStopped):
        write_part(tmp_path / "tasks.jsonl", blocks(), lambda _rows: None)
    assert list(tmp_path.iterdir()) == []


def test_a_finished_part_tells_its_files_and_a_torn_one_nothing(tmp_path):
    tricky = line(1, "files/aa/1.jpg", None).replace(b"[]", b'[{"bundle_path":"files/zz/9"},{"bundle_path":null}]')
    part = write_part(
        tmp_path / "tasks.jsonl", [(tricky + line(2, "files/bb/2", "files/aa/1.jpg"), 2)], lambda _rows: None
    )
    named = read_part_files(tmp_path / "tasks.jsonl", part.sha256)
    assert (named.paths, named.without) == (["files/aa/1.jpg", "files/bb/2"], 1)
    with (tmp_path / "tasks.jsonl").open("ab") as stream:
        stream.write(b"\n")
    assert read_part_files(tmp_path / "tasks.jsonl", part.sha256) is None


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
    with BundleFiles(bundle, lambda _storage: store.root, check) as placing:
        path_of = placing.place(files)
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
    part, _ = write(bucket, 25)
    local, _ = write(tmp_path, 25)
    assert part == local
    assert carry_file(bucket / "tasks.jsonl", bucket / "again.jsonl")
    assert (bucket / "again.jsonl").read_bytes() == (tmp_path / "tasks.jsonl").read_bytes()
    assert (placing.file_count, placing.missing_files) == (20, 1)
    assert (bucket / paths[3]).read_bytes() == b"bytes 3"
    remove_tree(bucket)
    assert not list(bucket.rglob("*.jsonl"))
