"""What lies in a bundle's folder, byte by byte."""

import hashlib
import json
from pathlib import Path

import pytest

from synapse_sdk.wire.bundle import BundleManifest, ExportTarget
from web_helper.backend.jobs import bundle_files
from web_helper.backend.jobs.bundle_files import BundleFiles, StoredFile, bundle_path_of
from web_helper.backend.jobs.bundle_writer import PartPlan, write_manifest, write_parts
from web_helper.backend.jobs.job_control import JobStopped


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
        self.files: dict[str, StoredFile] = {}

    def add(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"files/{sha256[:2]}/{sha256[2:]}"
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)
        self.files[sha256] = StoredFile(sha256, len(content), self.root, path)
        return sha256

    def find(self, sha256s: set[str]) -> dict[str, StoredFile]:
        return {sha256: self.files[sha256] for sha256 in sha256s if sha256 in self.files}


@pytest.fixture
def store(tmp_path) -> Store:
    (tmp_path / "store").mkdir()
    return Store(tmp_path / "store")


@pytest.fixture
def bundle(tmp_path) -> Path:
    (tmp_path / "bundle").mkdir()
    return tmp_path / "bundle"


def row(number: int, **files: str) -> bytes:
    entries = {
        spec: {"file_name_original": name, "url": f"/data_files/{number}/", "bundle_path": None, "sha256": sha256}
        for spec, (name, sha256) in files.items()
    }
    return b'{"id":%d,"data":{"annotations":[ 1.50 ]},"files_manifest":%s}' % (number, json.dumps(entries).encode())


def place(bundle: Path, store: Store, *rows: bytes, check=lambda: None):
    with BundleFiles(bundle, store.find, check) as files:
        placed = [json.loads(text) for text in files.place(rows)]
    return placed, files


def test_a_file_in_the_same_file_system_is_a_second_name_of_the_same_bytes(bundle, store):
    sha256 = store.add(b"an image")
    (placed,), files = place(bundle, store, row(1, image=("Photo.JPG", sha256)))
    path = placed["files_manifest"]["image"]["bundle_path"]
    assert path == f"files/{sha256[:2]}/{sha256}.jpg"
    assert (bundle / path).samefile(store.root / store.files[sha256].path)
    assert (files.file_count, files.missing_files) == (1, 0)


def test_a_file_elsewhere_is_copied_and_checked(bundle, store, monkeypatch):
    monkeypatch.setattr(bundle_files.os, "link", lambda *_: (_ for _ in ()).throw(OSError(18, "cross-device")))
    good, bad = store.add(b"good"), store.add(b"fine")
    (store.root / store.files[bad].path).write_bytes(b"torn")
    placed, files = place(bundle, store, row(1, image=("a.png", good)), row(2, image=("b.png", bad)))
    paths = [item["files_manifest"]["image"]["bundle_path"] for item in placed]
    assert (bundle / paths[0]).read_bytes() == b"good"
    assert paths[1] is None
    assert (files.file_count, files.missing_files) == (1, 1)
    assert not [path for path in bundle.rglob("*") if path.is_file() and path.name != Path(paths[0]).name]


def test_one_content_is_kept_once_however_many_rows_use_it(bundle, store):
    sha256 = store.add(b"shared")
    rows = [row(number, image=("same.jpg", sha256)) for number in range(500)]
    _, files = place(bundle, store, *rows)
    assert files.file_count == 1
    assert len([path for path in bundle.rglob("*") if path.is_file()]) == 1


def test_missing_truncated_and_unknown_files_leave_null_and_are_counted(bundle, store):
    gone, short = store.add(b"gone"), store.add(b"shortened")
    (store.root / store.files[gone].path).unlink()
    (store.root / store.files[short].path).write_bytes(b"short")
    unknown = "0" * 64
    rows = [row(number, image=("x.jpg", sha256)) for number, sha256 in enumerate((gone, short, unknown))]
    placed, files = place(bundle, store, *rows)
    assert [item["files_manifest"]["image"]["bundle_path"] for item in placed] == [None] * 3
    assert (files.file_count, files.missing_files) == (0, 3)


def test_a_stored_path_that_leaves_its_storage_is_missing(bundle, store, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    sha256 = hashlib.sha256(b"secret").hexdigest()
    store.files[sha256] = StoredFile(sha256, 6, store.root, "../secret")
    (placed,), files = place(bundle, store, row(1, image=("x.jpg", sha256)))
    assert placed["files_manifest"]["image"]["bundle_path"] is None
    assert files.missing_files == 1


def test_annotations_pass_through_unread(bundle, store):
    with BundleFiles(bundle, store.find, lambda: None) as files:
        (text,) = files.place([row(1)])
    assert b'"data":{"annotations":[ 1.50 ]}' in text


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.JPG", ".jpg"), ("a.tar.gz", ".gz"), ("a", ""), ("a.j/../p", ""), ("x.한글", ""), ("x." + "y" * 40, "")],
)
def test_of_a_name_only_a_harmless_extension_is_kept(name, extension):
    sha256 = "ab" * 32
    assert bundle_path_of(sha256, name) == f"files/ab/{sha256}{extension}"


def test_a_told_stop_ends_between_blocks_of_a_file(bundle, store, monkeypatch):
    monkeypatch.setattr(bundle_files.os, "link", lambda *_: (_ for _ in ()).throw(OSError(18, "cross-device")))
    monkeypatch.setattr(bundle_files, "BLOCK_BYTES", 1)
    calls = []

    def check():
        calls.append(None)
        if len(calls) > 3:
            raise JobStopped

    with pytest.raises(JobStopped):
        place(bundle, store, row(1, image=("big.bin", store.add(b"a big file"))), check=check)
    assert not [path for path in bundle.rglob("*") if path.is_file()]
    assert [path.name for path in bundle.iterdir()] == ["files"]
