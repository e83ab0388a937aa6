"""Reading a bundle: nothing that is missing, torn or hostile gets past the manifest."""

import hashlib
import json
from pathlib import Path

import httpx2
import pytest

from synapse_sdk.exceptions import BundleError
from synapse_sdk.plugins.actions.export.bundle import (
    HttpBundle,
    LocalBundle,
    iter_bundle_rows,
    load_manifest,
    map_files_to_bundle_local,
    safe_bundle_path,
)
from synapse_sdk.utils.retry import NO_RETRY
from synapse_sdk.wire.bundle import ExportTarget

BASE = "http://store.example/objects/token-one/exports/j"


def write_bundle(folder: Path, contents: list[list[dict]], **changes) -> None:
    listed = []
    for number, rows in enumerate(contents):
        body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        name = f"tasks-{number:05d}.jsonl"
        (folder / name).write_bytes(body)
        sha256 = hashlib.sha256(body).hexdigest()
        listed.append({"path": name, "rows": len(rows), "size_bytes": len(body), "sha256": sha256})
    manifest = {"target": "task", "filter": {}, "row_count": sum(map(len, contents)), "file_count": 0, "parts": listed}
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))


def served(folder: Path, *, refused: set[str] = frozenset()) -> httpx2.Client:
    """A client that finds the folder's files below any token but the refused ones."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        token, _, name = request.url.path.removeprefix("/objects/").partition("/")
        path = folder / name.removeprefix("exports/j/")
        if token in refused:
            return httpx2.Response(403, json={"error": {"code": "PERMISSION_DENIED"}})
        return httpx2.Response(200, content=path.read_bytes()) if path.is_file() else httpx2.Response(404)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def read_all(source, target=ExportTarget.TASK, announced=None) -> list[dict]:
    return list(iter_bundle_rows(source, load_manifest(source, target, announced)))


@pytest.fixture(params=["local", "http"])
def source(request, tmp_path):
    if request.param == "local":
        return LocalBundle(tmp_path)
    return HttpBundle(BASE, served(tmp_path), retry=NO_RETRY)


def rows(*ids: int) -> list[dict]:
    return [{"id": row_id, "data": {"annotations": []}} for row_id in ids]


def test_rows_of_all_parts_come_in_order(source, tmp_path):
    write_bundle(tmp_path, [rows(1, 2), rows(5), rows(9)])
    assert [row["id"] for row in read_all(source)] == [1, 2, 5, 9]


def test_an_empty_bundle_has_no_rows(source, tmp_path):
    write_bundle(tmp_path, [[]])
    assert read_all(source) == []


def test_a_bundle_without_manifest_is_refused(source, tmp_path):
    with pytest.raises(BundleError, match=r"manifest\.json"):
        read_all(source)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "schema version 2"),
        ({"target": "assignment"}, "holds assignment rows where task"),
        ({"row_count": 7}, "do not add up"),
        ({"parts": [{"path": "../tasks.jsonl", "rows": 3, "size_bytes": 1, "sha256": ""}]}, "outside itself"),
        ({"target": "nonsense"}, "is not a manifest"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(source, tmp_path, changes, message):
    write_bundle(tmp_path, [rows(1, 2, 3)], **changes)
    with pytest.raises(BundleError, match=message):
        read_all(source)


def test_a_manifest_other_than_announced_is_refused(source, tmp_path):
    write_bundle(tmp_path, [rows(1, 2)])
    announced = load_manifest(source, ExportTarget.TASK)
    write_bundle(tmp_path, [rows(1)])
    with pytest.raises(BundleError, match="not the one that the server announced"):
        read_all(source, announced=announced)


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:-1],
        lambda body: body[: len(body) // 2],
        lambda body: body.replace(b'"id": 2', b'"id": 3'),
        lambda body: body + b'{"id": 9}\n',
        lambda body: b"",
    ],
    ids=["last byte gone", "cut in half", "a byte changed", "a line more", "emptied"],
)
def test_a_torn_part_is_refused(source, tmp_path, damage):
    write_bundle(tmp_path, [rows(1, 2)])
    part = tmp_path / "tasks-00000.jsonl"
    part.write_bytes(damage(part.read_bytes()))
    with pytest.raises(BundleError, match=r"tasks-00000\.jsonl"):
        read_all(source)


def test_a_part_that_is_gone_is_refused(source, tmp_path):
    write_bundle(tmp_path, [rows(1)])
    (tmp_path / "tasks-00000.jsonl").unlink()
    with pytest.raises(BundleError, match=r"tasks-00000\.jsonl"):
        read_all(source)


@pytest.mark.parametrize("parts", [[rows(2, 1)], [rows(1, 1)], [rows(1, 5), rows(3)]])
def test_rows_that_do_not_ascend_are_refused(source, tmp_path, parts):
    write_bundle(tmp_path, parts)
    with pytest.raises(BundleError, match="do not ascend"):
        read_all(source)


def test_an_expired_link_is_renewed_for_the_next_part(tmp_path):
    write_bundle(tmp_path, [rows(1), rows(2)])
    refused: set[str] = set()
    source = HttpBundle(BASE, served(tmp_path, refused=refused), lambda: BASE.replace("one", "two"), retry=NO_RETRY)
    found = iter_bundle_rows(source, load_manifest(source, ExportTarget.TASK))
    assert next(found)["id"] == 1
    refused.add("token-one")
    assert next(found)["id"] == 2
    assert source.renew_url(f"{BASE}/files/a.jpg") == f"{BASE.replace('one', 'two')}/files/a.jpg"


def test_a_link_that_stays_refused_ends_the_reading(tmp_path):
    write_bundle(tmp_path, [rows(1)])
    tokens = {"token-one", "token-two"}
    source = HttpBundle(BASE, served(tmp_path), lambda: BASE.replace("one", "two"), retry=NO_RETRY)
    manifest = load_manifest(source, ExportTarget.TASK)
    source._http = served(tmp_path, refused=tokens)
    with pytest.raises(BundleError, match="could not be fetched"):
        list(iter_bundle_rows(source, manifest))


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "",
        ".",
        "./a",
        "a//b",
        "a/",
        "..",
        "a\\..\\b",
        "C:/x",
        "a\0b",
        "~/x",
        "a/./b",
        "a/..",
    ],
)
def test_a_path_that_leaves_the_bundle_is_refused(path):
    with pytest.raises(BundleError, match="outside itself"):
        safe_bundle_path(path)
    with pytest.raises(BundleError, match="outside itself"):
        map_files_to_bundle_local({"id": 1, "files_manifest": {"image": {"bundle_path": path}}}, "/bundle")


def test_files_point_into_the_bundle_and_keep_their_names():
    entry = {"file_name_original": "my cat #1.jpg", "url": "http://old/", "bundle_path": "files/ab/cd e.jpg"}
    row = {"id": 1, "files_manifest": {"image": entry}}
    local = map_files_to_bundle_local(row, "/srv/bundle/")["files_manifest"]["image"]
    remote = map_files_to_bundle_local(row, "https://x/objects/t/")["files_manifest"]["image"]
    assert local["url"] == "/srv/bundle/files/ab/cd e.jpg"
    assert remote["url"] == "https://x/objects/t/files/ab/cd%20e.jpg"
    assert local["file_name_original"] == remote["file_name_original"] == "my cat #1.jpg"
    assert entry["url"] == "http://old/"


def test_a_file_by_reference_keeps_its_url():
    row = {"id": 1, "files_manifest": {"image": {"url": "http://here/", "bundle_path": None}}}
    assert map_files_to_bundle_local(row, "/bundle")["files_manifest"]["image"]["url"] == "http://here/"
