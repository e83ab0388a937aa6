"""Objects in a real store: streamed in parts, whole or absent, and errors that tell no secret."""

import hashlib
import os
import traceback
import tracemalloc
from dataclasses import replace

import pytest

from synapse_sdk.exceptions import StorageError
from synapse_sdk.utils import object_store
from synapse_sdk.utils.object_store import JoinedObjectUpload, ObjectUpload, abort_uploads
from synapse_sdk.utils.storage import check_storage, get_path_file_count, get_path_total_size, get_pathlib, get_storage
from tests.engines.faulty import FaultyLine

pytestmark = pytest.mark.xdist_group("s3")

MIB = 1 << 20


@pytest.fixture
def root(s3, bucket):
    return get_pathlib(s3.storage(bucket, "team/a"), "")


@pytest.fixture
def line(s3):
    faulty = FaultyLine(s3.endpoint_url)
    yield faulty
    faulty.close()


def keys(s3, bucket) -> list[str]:
    return [entry["Key"] for entry in s3.client().list_objects_v2(Bucket=bucket).get("Contents", ())]


def unfinished(s3, bucket) -> list[str]:
    return [entry["Key"] for entry in s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


def body(s3, bucket, key) -> bytes:
    return s3.client().get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.mark.parametrize("size", [0, 1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 20 * MIB])
def test_object_of_any_size_comes_back_the_same(s3, bucket, root, size):
    content = os.urandom(size)
    upload = ObjectUpload(root / "x.bin")
    for start in range(0, size, 3 * MIB):
        upload.write(content[start : start + 3 * MIB])
        assert keys(s3, bucket) == []
    upload.close()
    upload.close()
    upload.discard()

    assert body(s3, bucket, "team/a/x.bin") == content
    assert (upload.size_bytes, upload.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert unfinished(s3, bucket) == []


@pytest.mark.parametrize(("first", "later"), [(0, 1), (1, 0), (3, 3), (9, 1), (1, 9), (17, 4), (4, 17), (17, 17)])
def test_two_lanes_become_one_object(s3, bucket, root, first, later):
    before, after = os.urandom(first * MIB), os.urandom(later * MIB)
    upload = JoinedObjectUpload(root / "joined")
    for start in range(0, max(first, later) * MIB, MIB):
        upload.write(before[start : start + MIB])
        upload.write_later(after[start : start + MIB])
    upload.close()

    assert body(s3, bucket, "team/a/joined") == before + after
    assert (upload.size_bytes, upload.sha256) == (len(before + after), hashlib.sha256(before + after).hexdigest())


def test_object_that_is_given_up_leaves_nothing(s3, bucket, root):
    upload = ObjectUpload(root / "x")
    upload.write(b"x" * 20 * MIB)
    assert unfinished(s3, bucket) == ["team/a/x"]
    upload.discard()
    upload.close()
    assert (keys(s3, bucket), unfinished(s3, bucket)) == ([], [])


def test_what_a_killed_process_began_can_be_aborted(s3, bucket, root):
    for folder in ("mine", "other"):
        ObjectUpload(root / folder / "x").write(b"x" * 20 * MIB)
    assert abort_uploads(root / "mine") == 1
    assert unfinished(s3, bucket) == ["team/a/other/x"]


def test_large_object_is_never_held_in_memory(s3, bucket, root):
    upload, block = ObjectUpload(root / "x"), b"x" * MIB
    upload.write(block * 17)
    tracemalloc.start()
    for _ in range(80):
        upload.write(block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    upload.close()
    assert peak < 16 * MIB


def test_storage_uploads_lists_counts_and_deletes(s3, bucket, tmp_path):
    storage = get_storage(s3.storage(bucket, "team"))
    (tmp_path / "f").write_bytes(b"12345")
    assert storage.upload(tmp_path / "f", "deep/f.txt") == f"s3://{bucket}/team/deep/f.txt"
    assert storage.exists("deep/f.txt")
    assert not storage.exists("deep/g.txt")
    configuration = s3.storage(bucket, "team")
    assert (get_path_file_count(configuration, ""), get_path_total_size(configuration, "")) == (1, 5)
    assert storage.get_pathlib("deep/f.txt").read_bytes() == b"12345"
    storage.get_pathlib("deep/f.txt").unlink()
    assert not storage.exists("deep/f.txt")


def told(failure: pytest.ExceptionInfo) -> str:
    return str(failure.value)


def test_wrong_key_missing_bucket_and_dead_endpoint_are_told_apart_without_a_secret(s3, bucket):
    cases = [
        (replace(s3, secret_key="not-the-secret"), bucket, "secret_key"),
        (replace(s3, access_key="nobody"), bucket, "access_key"),
        (s3, "no-such-bucket", "no such bucket"),
        (replace(s3, endpoint_url="http://127.0.0.1:9"), bucket, "endpoint_url"),
    ]
    for server, name, expected in cases:
        with pytest.raises(StorageError) as failure:
            check_storage(server.storage(name))
        assert expected in told(failure)
        for secret in (server.secret_key, server.access_key, "Signature", "?"):
            assert secret not in told(failure)
    check_storage(s3.storage(bucket))


def test_upload_to_a_missing_bucket_makes_none(s3, tmp_path):
    (tmp_path / "f").write_bytes(b"x")
    with pytest.raises(StorageError, match="no such bucket"):
        get_storage(s3.storage("not-there-yet")).upload(tmp_path / "f", "f")
    assert "not-there-yet" not in [entry["Name"] for entry in s3.client().list_buckets()["Buckets"]]


def test_errors_that_pass_are_not_noticed(s3, bucket, line):
    root = get_pathlib(replace(s3, endpoint_url=line.url).storage(bucket), "")
    line.errors_left = 2
    upload = ObjectUpload(root / "x")
    upload.write(b"x" * 9 * MIB)
    line.errors_left = 2
    upload.close()
    assert len(body(s3, bucket, "x")) == 9 * MIB


def test_store_that_goes_away_leaves_no_half_object(s3, bucket, line):
    root = get_pathlib(replace(s3, endpoint_url=line.url).storage(bucket), "")
    upload = ObjectUpload(root / "x")
    upload.write(b"x" * 9 * MIB)
    line.go_down()
    with pytest.raises(OSError, match="does not answer") as failure:
        upload.write(b"x" * 17 * MIB)
    upload.discard()
    assert line.url not in "".join(traceback.format_exception_only(failure.value))
    assert keys(s3, bucket) == []


def test_answer_that_breaks_off_is_asked_for_again(s3, bucket, line):
    content = os.urandom(3 * MIB)
    s3.client().put_object(Bucket=bucket, Key="x", Body=content)
    line.cut_after, line.cuts_left = MIB, 1
    assert get_pathlib(replace(s3, endpoint_url=line.url).storage(bucket), "x").read_bytes() == content


def test_object_larger_than_its_parts_allow_is_refused_in_words(s3, bucket, root, monkeypatch):
    monkeypatch.setattr(object_store, "FIRST_LATER_PART", 2)
    upload = JoinedObjectUpload(root / "x")
    upload.write(b"x" * 9 * MIB)
    with pytest.raises(OSError, match="shards"):
        upload.write(b"x" * 33 * MIB)
    upload.discard()
    assert unfinished(s3, bucket) == []


def test_late_parts_are_large_so_that_their_numbers_last(s3, bucket, root, monkeypatch):
    monkeypatch.setattr(object_store, "MAX_PARTS", 5)
    content = os.urandom(4 * 5 * MIB + 32 * MIB)
    upload = ObjectUpload(root / "x")
    for start in range(0, len(content), MIB):
        upload.write(content[start : start + MIB])
    upload.close()
    assert body(s3, bucket, "team/a/x") == content
    assert s3.client().head_object(Bucket=bucket, Key="team/a/x")["ETag"].strip('"').endswith("-5")
