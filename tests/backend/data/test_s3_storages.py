"""The platform over a real S3 store: files go in checked and in parts, come out in ranges, and never appear half."""

import hashlib
import os
import shutil
from dataclasses import replace

import pytest

from tests.backend.data.uploads import announce, send
from web_helper.backend.jobs.durable_files import write_whole
from web_helper.backend.services.data.storages import open_root

pytestmark = pytest.mark.xdist_group("s3")

MIB = 1 << 20


@pytest.fixture
def storage(client, s3, bucket) -> dict:
    """An S3 storage that is the platform's default one."""
    configuration = s3.storage(bucket, "platform")
    body = {"name": "store", "category": "external", "is_default": True, **configuration}
    answer = client.post("/v2/storages/", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


@pytest.fixture
def database_url(tmp_path, sqlite_template):
    """Files do not depend on the kind of database."""
    (tmp_path / "home").mkdir()
    shutil.copy(sqlite_template, tmp_path / "home/synapse.db")
    return f"sqlite:///{tmp_path}/home/synapse.db"


def objects(s3, bucket) -> dict[str, int]:
    return {entry["Key"]: entry["Size"] for entry in s3.client().list_objects_v2(Bucket=bucket).get("Contents", ())}


def unfinished(s3, bucket) -> list:
    return s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def test_file_goes_into_the_store_in_parts_and_comes_back(client, s3, *, bucket, storage, tmp_path, monkeypatch):
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spare))
    content = os.urandom(9 * MIB + 5)
    file_id = send(client, content)

    sha256 = hashlib.sha256(content).hexdigest()
    assert objects(s3, bucket) == {f"platform/files/{sha256[:2]}/{sha256[2:]}": len(content)}
    url = client.get(f"/v2/data-files/{file_id}/").json()["data"]["url"]
    assert client.get(url).content == content
    assert client.get(url, headers={"Range": "bytes=9437180-"}).content == content[9437180:]
    assert list(spare.iterdir()) == []


@pytest.mark.parametrize("sent", [b"x" * 9 * MIB, b"y" * 4], ids=["as many", "fewer"])
def test_wrong_bytes_leave_nothing_in_the_store(client, s3, bucket, storage, sent):
    ticket = announce(client, b"z" * 9 * MIB)
    assert client.put(ticket["upload_url"], content=sent).status_code == 400
    assert (objects(s3, bucket), unfinished(s3, bucket)) == ({}, [])


def test_part_of_a_bundle_that_fails_is_not_seen(s3, bucket, database):
    from web_helper.backend.models import Storage

    root = open_root(Storage(id=1, **s3.storage(bucket, "bundles")))

    def fail() -> None:
        with write_whole(root / "tasks.jsonl") as stream:
            stream.write(b"{}\n" * 4 * MIB)
            raise OSError("the database went away")

    with pytest.raises(OSError, match="database"):
        fail()
    assert (objects(s3, bucket), unfinished(s3, bucket)) == ({}, [])


def test_storage_that_cannot_be_used_is_refused_in_words(client, s3, bucket):
    for number, (server, name, expected) in enumerate((
        (replace(s3, secret_key="wrong-secret-of-mine"), bucket, "secret_key"),
        (s3, "no-such-bucket", "bucket_name"),
    )):  # fmt: skip
        answer = client.post(
            "/v2/storages/", json={"name": f"s{number}", "category": "external", **server.storage(name)}
        )
        assert answer.status_code == 400
        assert expected in answer.text
        assert server.secret_key not in answer.text


def test_secret_is_not_shown(client, s3, storage):
    assert s3.secret_key not in client.get(f"/v2/storages/{storage['id']}/").text
