"""Requests to a real S3 store: signed as the store wants, for any name, in any number, and never half of two versions."""

import os
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest

from synapse_sdk.exceptions import StorageError
from synapse_sdk.utils.s3 import bucket as requests
from synapse_sdk.utils.s3.bucket import Bucket, Connection
from synapse_sdk.utils.s3.signing import Signer, quote_path, quote_query
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


@pytest.mark.parametrize("key", ODD_NAMES)
@pytest.mark.parametrize("query", [[], [("uploads", "")], [("prefix", "a b/+ü"), ("list-type", "2"), ("a", "~")]])
def test_signature_is_the_one_that_amazons_own_library_makes(key, query):
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    path, asked, body = quote_path(f"/bucket/{key}"), quote_query(query), b"body"
    theirs = AWSRequest("PUT", f"https://s3.test{path}?{asked}".rstrip("?"), {"x-amz-copy-source": "/b/k"}, body)
    theirs.context["payload_signing_enabled"] = True
    S3SigV4Auth(Credentials("key", "secret"), "s3", "eu-central-1").add_auth(theirs)
    now = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    headers = {"host": "s3.test", "x-amz-copy-source": "/b/k"}
    ours = Signer("key", "secret", "eu-central-1").sign("PUT", path, asked, headers=headers, body=body, now=now)
    assert ours["authorization"] == theirs.headers["Authorization"]


def test_secret_is_in_no_representation():
    connection = Connection("b", "key", "very-secret")
    assert "very-secret" not in f"{connection!r} {Signer('key', 'very-secret', 'r')!r} {Bucket(connection)!r}"


@pytest.mark.parametrize(
    ("bucket", "endpoint_url", "expected"),
    [
        ("data", None, "https://data.s3.eu-central-1.amazonaws.com"),
        ("data.team", None, "https://s3.eu-central-1.amazonaws.com/data.team"),
        ("data", "https://store.test:9000/", "https://store.test:9000/data"),
    ],
)
def test_address_of_a_bucket(bucket, endpoint_url, expected):
    connection = Connection(bucket, "key", "secret", region="eu-central-1", endpoint_url=endpoint_url)
    assert str(connection.url) == expected


def test_body_that_changed_on_its_way_is_refused_by_the_store(s3, bucket):
    path, host = f"/{bucket}/x", httpx2.URL(s3.endpoint_url).netloc.decode()
    signer = Signer(s3.access_key, s3.secret_key, "us-east-1")
    headers = signer.sign("PUT", path, "", headers={"host": host}, body=b"right", now=datetime.now(UTC))
    assert httpx2.put(f"{s3.endpoint_url}{path}", headers=headers, content=b"wrong").status_code == 400
    assert httpx2.put(f"{s3.endpoint_url}{path}", headers=headers, content=b"right").status_code == 200


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
