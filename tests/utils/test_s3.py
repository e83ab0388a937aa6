"""Requests to a real S3 store: signed as the store wants, for any name, in any number, and never half of two versions."""

import os
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import botocore.session
import pytest

from synapse_sdk.exceptions import StorageError
from synapse_sdk.utils.s3 import bucket as requests
from synapse_sdk.utils.s3.bucket import Bucket, Connection
from synapse_sdk.utils.storage import check_storage, get_pathlib, get_storage
from tests.engines.faulty import FaultyLine

pytestmark = pytest.mark.xdist_group("s3")

MIB = 1 << 20
ODD_NAMES = ["a b+c&d=e.txt", "100%25 #1?.txt", "'(!)*~@$,;:.txt", "한국어 ü.txt", "a//b", "deep/.hidden"]


@pytest.fixture
def root(s3, bucket):
    return get_pathlib(s3.storage(bucket), "")


@pytest.fixture
def line(s3):
    faulty = FaultyLine(s3.endpoint_url)
    yield faulty
    faulty.close()


def test_secret_is_in_no_representation():
    connection = Connection("b", "key", "very-secret")
    assert "very-secret" not in f"{connection!r} {Bucket(connection)!r}"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-northeast-2", "us-gov-west-1", "cn-north-1"])
def test_amazon_is_where_botocore_says(region, monkeypatch):
    connection, wish = Connection("bucket", "key", "secret", region=region), {"Bucket": "bucket", "Key": "key"}
    ours = connection.client(1)
    monkeypatch.setattr(requests, "_session", botocore.session.Session)
    theirs = connection.client(1)
    links = [client.generate_presigned_url("get_object", wish).partition("?")[0] for client in (ours, theirs)]
    assert links[0] == links[1]
    assert ours.meta.endpoint_url == theirs.meta.endpoint_url


@pytest.mark.parametrize("key", ODD_NAMES)
def test_object_of_any_name_is_written_found_copied_and_deleted(s3, bucket, root, key):
    store = root.fs.bucket
    store.put(key, b"content")
    store.copy(key, f"copy of {key}")
    assert store.get(f"copy of {key}", 0, 7) == b"content"
    assert sorted(entry.key for entry in store.list("")) == sorted([key, f"copy of {key}"])
    assert s3.client().get_object(Bucket=bucket, Key=key)["Body"].read() == b"content"
    store.delete_all([key])
    store.delete(f"copy of {key}")
    assert list(store.list("")) == []


def test_unfinished_upload_of_an_odd_name_is_found(root):
    store = root.fs.bucket
    upload_id = store.begin_upload("a b/c+d &.bin")
    assert list(store.uploads("a b/")) == [("a b/c+d &.bin", upload_id)]


def test_folder_of_more_objects_than_an_answer_holds_is_listed_and_removed(root):
    store, count = root.fs.bucket, 1005
    for put in [store.start_put(f"many/{number}", b"x") for number in range(count)]:
        put.result()
    store.put("many-others", b"x")
    assert len(list((root / "many").iterdir())) == count
    root.fs.rm((root / "many").path, recursive=True)
    with pytest.raises(ValueError, match="bucket"):
        root.fs.rm(root.path, recursive=False)
    assert [entry.key for entry in store.list("")] == ["many-others"]


def test_object_too_large_for_one_copy_is_copied_in_parts(root, monkeypatch):
    monkeypatch.setattr(requests, "COPY_PART_BYTES", 5 * MIB)
    content = os.urandom(12 * MIB)
    root.fs.bucket.put("x", content)
    root.fs.copy((root / "x").path, (root / "y").path)
    assert (root / "y").read_bytes() == content


def test_path_is_read_and_written_as_a_file_is(root):
    path = root / "folder/notes.txt"
    path.write_text("first\nsecond\n")
    with path.open() as file:
        assert [line.strip() for line in file] == ["first", "second"]
    with path.open("rb") as file:
        file.seek(-7, os.SEEK_END)
        assert file.read() == b"second\n"
    assert (path.stat().st_size, path.is_file(), path.is_dir()) == (13, True, False)
    assert (path.parent.is_dir(), path.parent.is_file(), [found.name for found in root.iterdir()]) == (
        True, False, ["folder"],
    )  # fmt: skip
    assert [str(found) for found in root.rglob("*.txt")] == [str(path)]
    assert [found.name for found in root.glob("folder/n*")] == ["notes.txt"]
    assert (root.is_dir(), root.is_file(), root.exists()) == (True, False, True)
    path.unlink()
    assert not path.parent.exists()
    with pytest.raises(FileNotFoundError):
        path.read_bytes()


def test_file_whose_writer_fails_is_not_there(root):
    chunks = iter([b"x" * 6 * MIB])
    with pytest.raises(StopIteration), (root / "x").open("wb") as file:
        file.writelines([next(chunks), next(chunks)])
    assert not (root / "x").exists()
    assert list(root.fs.bucket.uploads("")) == []


def test_object_that_is_replaced_while_it_is_read_is_not_mixed(root):
    path = root / "x"
    path.write_bytes(b"a" * 3 * MIB)
    with path.open("rb") as file:
        assert file.read(10) == b"a" * 10
        path.write_bytes(b"b" * 3 * MIB)
        with pytest.raises(OSError, match="PreconditionFailed"):
            file.read()


def test_store_that_is_down_is_not_taken_for_one_without_the_file(s3, bucket, line):
    storage = get_storage(replace(s3, endpoint_url=line.url).storage(bucket))
    line.go_down()
    with pytest.raises(StorageError, match="does not answer"):
        storage.exists("x")
    with pytest.raises(OSError, match="does not answer"):
        storage.get_pathlib("x").is_file()


def test_storage_that_is_tried_waits_for_one_repetition_only(s3, bucket, line):
    line.errors_left = 5
    with pytest.raises(StorageError, match="try again later"):
        check_storage(replace(s3, endpoint_url=line.url).storage(bucket))
    assert line.errors_left == 3


@pytest.mark.parametrize("settings", [{"endpoint_url": "no address"}, {"region_name": "no region!"}])
def test_configuration_that_names_no_place_is_refused_in_words(s3, bucket, settings):
    storage = s3.storage(bucket)
    with pytest.raises(StorageError, match=r"endpoint_url|region_name"):
        check_storage(storage | {"configuration": storage["configuration"] | settings})


def test_a_store_that_knows_no_conditions_takes_what_is_new(s3, bucket, monkeypatch):
    taken = {}

    def take(request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        is_known = "If-None-Match" not in request.headers
        if is_known:
            taken[request.path] = body
        request.send_response(200 if is_known else 501)
        request.send_header("Content-Length", "0")
        request.end_headers()

    monkeypatch.setattr(_Website, "do_PUT", take, raising=False)
    with website() as url:
        root = get_pathlib(replace(s3, endpoint_url=url).storage(bucket), "")
        root.fs.pipe_file((root / "x").path, b"1", mode="create")
    assert taken == {f"/{bucket}/x": b"1"}


def test_what_is_there_is_not_stored_as_new(root):
    for name in ("x", "y"):
        root.fs.pipe_file((root / name).path, b"first", mode="create")
    root.fs.pipe_file((root / "y").path, b"second")
    with pytest.raises(FileExistsError):
        root.fs.pipe_file((root / "x").path, b"second", mode="create")
    assert [(root / name).read_bytes() for name in ("x", "y")] == [b"first", b"second"]


@pytest.mark.parametrize("page", [b"<html><p>Welcome</p></html>", b"<html><p>Welcome<br></html>", b"{}"])
def test_website_is_not_taken_for_a_store(s3, bucket, page, monkeypatch):
    monkeypatch.setattr(_Website, "page", page)
    with website() as url, pytest.raises(StorageError, match="check endpoint_url"):
        check_storage(replace(s3, endpoint_url=url).storage(bucket))


@contextmanager
def website():
    site = ThreadingHTTPServer(("127.0.0.1", 0), _Website)
    Thread(target=site.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{site.server_port}"
    finally:
        site.shutdown()
        site.server_close()


class _Website(BaseHTTPRequestHandler):
    page = b""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_):
        pass
