"""Exports into an S3 store are streamed there, have the bytes of a local one, and are whole or not there."""

import hashlib
import json
import secrets
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from synapse_sdk.plugins.actions.export.formats import FormatExportAction
from synapse_sdk.plugins.actions.export.formats.exporter import FormatExporter
from synapse_sdk.plugins.actions.export.output.partial import create_marked_folder, remove_marks
from synapse_sdk.utils.object_store import ObjectUpload
from synapse_sdk.utils.s3.bucket import Bucket
from synapse_sdk.utils.storage import get_pathlib
from tests.backend.factories import boxes
from tests.engines.faulty import FaultyLine
from tests.export.platform import export
from tests.export.support import mark_partial, tree
from web_helper.backend.models import Storage

pytestmark = pytest.mark.xdist_group("s3")


@pytest.fixture
def project(platform):
    make, project = platform.make, platform.make.project()
    make.tasks(project, files=True, data=boxes("cat", "dog"), names=["a.jpg", "a.jpg", "../../x.jpg", "b.png"])
    return project["id"]


def storage_of(platform, configuration) -> int:
    return platform.ctx().v2_client.storages.create(name=secrets.token_hex(8), **configuration)["id"]


def found_in(s3, bucket) -> dict[str, bytes]:
    client = s3.client()
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def run(platform, project, **params):
    return export(platform, platform.ctx(), FormatExportAction, project=project, **params)


@pytest.mark.parametrize(
    ("fmt", "more"),
    [
        ("coco", {"split": {"train": 0.5, "val": 0.5}}), ("yolo", {}), ("voc", {}), ("csv", {}), ("jsonl", {}),
        ("webdataset", {}), ("parquet", {}), ("yolo", {"shard_items": 3}),
    ],
)  # fmt: skip
def test_store_gets_the_bytes_of_a_local_export(platform, s3, *, bucket, tmp_path, project, fmt, more, monkeypatch):
    run(platform, project, format=fmt, out=str(tmp_path / "local"), storage=None, **more)
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    result = run(platform, project, format=fmt, storage=storage_of(platform, s3.storage(bucket)), path="sets", **more)

    assert (result["exported_count"], result["failed_count"]) == (4, 0)
    local = {f"sets/out/{name}": content for name, content in tree(tmp_path / "local/out").items()}
    store = found_in(s3, bucket)
    records = [json.loads(found.pop("sets/out/export.json")) for found in (local, store)]
    for record in records:
        record.pop("snapshot", None)
        if fmt in {"webdataset", "parquet"} or more:
            # Rules that are checked by reading back are checked in a folder only; the report says so.
            del record["files"]["validation_report.json"]
    if fmt in {"webdataset", "parquet"} or more:
        found = [json.loads(found.pop("sets/out/validation_report.json")) for found in (local, store)]
        assert found[0]["ok"]
        assert found[1]["ok"]
    assert records[0] == records[1]
    assert store == local
    assert list(spare.iterdir()) == []
    assert s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ()) == ()


def test_record_in_the_store_names_the_bytes_that_lie_there(platform, s3, bucket, project):
    run(platform, project, format="coco", storage=storage_of(platform, s3.storage(bucket)), path="")
    found = found_in(s3, bucket)
    record = json.loads(found["out/export.json"])
    assert record["files"]["annotations.json"] == hashlib.sha256(found["out/annotations.json"]).hexdigest()


def test_store_that_goes_down_leaves_no_complete_looking_export(platform, s3, bucket, project, monkeypatch):
    from synapse_sdk.utils.converters.sinks.store import StoreSink

    line = FaultyLine(s3.endpoint_url)
    storage = storage_of(platform, replace(s3, endpoint_url=line.url).storage(bucket))
    close = StoreSink.close
    monkeypatch.setattr(StoreSink, "close", lambda self: (line.go_down(), close(self)))
    with pytest.raises(RuntimeError) as failure:
        run(platform, project, format="yolo", storage=storage, path="")
    line.close()
    assert s3.secret_key not in str(failure.value)
    assert "out/export.json" not in found_in(s3, bucket)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bucket_name": "no-such-bucket"}, "the store has no such bucket or object: check bucket_name"),
        ({"secret_key": "wrong"}, "the store refused access: check access_key, secret_key"),
    ],
)
@pytest.mark.parametrize("is_in_process", [False, True])
def test_store_that_refuses_is_said_before_anything_is_gathered(
    platform, s3, *, bucket, project, wrong, said, is_in_process
):
    right = s3.storage(bucket)
    storage = storage_of(platform, right)
    # Since the server took it, the bucket was deleted, or its key changed.
    with platform.database.write() as session:
        session.get(Storage, storage).configuration = right["configuration"] | wrong
    before = platform.job_count()
    with pytest.raises(RuntimeError) as failure:
        run(platform, project, format="coco", storage=storage, path="sets", disable_async_delegate=is_in_process)
    assert said in str(failure.value)
    assert platform.job_count() == before


def test_two_exports_of_one_name_do_not_share_a_folder_of_the_store(platform, s3, bucket, project):
    """The other one has not stored a file yet: it holds all of them back until it closes."""
    mark_partial(get_pathlib(s3.storage(bucket), "sets") / "out", "job of somebody else")
    run(platform, project, format="coco", storage=storage_of(platform, s3.storage(bucket)), path="sets")
    found = found_in(s3, bucket)
    assert "sets/out(1)/export.json" in found
    assert [key for key in found if not key.startswith("sets/out(1)/")] == ["sets/.out.unfinished"]


def test_exports_of_one_name_that_begin_together_each_get_their_own_folder(s3, bucket):
    root = get_pathlib(s3.storage(bucket), "sets")
    together = threading.Barrier(6)

    def begin(number):
        together.wait()
        return create_marked_folder(root, "out", str(number)).name

    with ThreadPoolExecutor(6) as pool:
        names = list(pool.map(begin, range(6)))
    assert len(set(names)) == 6
    marks = {key: content.split(b"\n")[0].decode() for key, content in found_in(s3, bucket).items()}
    assert marks == {f"sets/.{name}.unfinished": str(number) for number, name in enumerate(names)}


def test_a_name_is_held_though_the_answer_to_its_mark_was_lost(s3, bucket, monkeypatch):
    line = FaultyLine(s3.endpoint_url)
    root = get_pathlib(replace(s3, endpoint_url=line.url).storage(bucket), "sets")
    put_new = Bucket.put_new

    def lose_the_answer(self, key, data):
        line.cuts_left, line.cut_after = 1, 0
        put_new(self, key, data)

    # Not the answers to the looks before it.
    monkeypatch.setattr(Bucket, "put_new", lose_the_answer)
    assert create_marked_folder(root, "out", "1").name == "out"
    line.close()
    assert line.cuts_left == 0
    assert list(found_in(s3, bucket)) == ["sets/.out.unfinished"]


def test_a_name_whose_export_is_completed_meanwhile_is_not_taken(s3, bucket, monkeypatch):
    root = get_pathlib(s3.storage(bucket), "sets")
    put_new = Bucket.put_new

    def overtaken(self, key, data):
        if key.endswith(".out.unfinished"):
            (root / "out" / "export.json").write_bytes(b"{}")
        put_new(self, key, data)

    monkeypatch.setattr(Bucket, "put_new", overtaken)
    assert create_marked_folder(root, "out", "1").name == "out(1)"
    assert list(found_in(s3, bucket)) == ["sets/.out(1).unfinished", "sets/out/export.json"]


@pytest.mark.parametrize("is_in_process", [False, True])
def test_an_export_into_a_store_holds_its_name_until_it_is_complete(
    platform, s3, *, bucket, project, monkeypatch, is_in_process
):
    storage, seen = storage_of(platform, s3.storage(bucket)), []

    def look(self, folder):
        seen.extend(found_in(s3, bucket))
        complete(self, folder)

    complete = FormatExporter.additional_file_saving
    monkeypatch.setattr(FormatExporter, "additional_file_saving", look)
    run(platform, project, format="coco", images="none", storage=storage, disable_async_delegate=is_in_process)
    assert "outputs/.out.unfinished" in seen
    assert "outputs/.out.unfinished" not in found_in(s3, bucket)


def test_export_that_fails_takes_its_objects_with_it(platform, s3, bucket, project, monkeypatch):
    def fail(self, folder):
        raise OSError("the disk of the test is full")

    monkeypatch.setattr(FormatExporter, "additional_file_saving", fail)
    with pytest.raises(RuntimeError):
        run(platform, project, format="yolo", storage=storage_of(platform, s3.storage(bucket)), path="")
    assert found_in(s3, bucket) == {}


def test_what_a_killed_export_left_in_the_store_is_replaced(platform, s3, bucket, project):
    storage = storage_of(platform, s3.storage(bucket))
    run(platform, project, format="yolo", storage=storage, path="sets")
    whole, job_id = found_in(s3, bucket), platform.last_job().id

    # Killed twice: the first time when the export was complete, but for its mark.
    root = get_pathlib(s3.storage(bucket), "sets")
    for name in ("out", "out(1)"):
        mark_partial(root / name, job_id)
        s3.client().put_object(Bucket=bucket, Key=f"sets/{name}/half.tar", Body=b"x")
        ObjectUpload(root / name / "begun.tar").write(b"x" * 9_000_000)
    s3.client().put_object(Bucket=bucket, Key="sets/other/x", Body=b"x")
    mark_partial(root / "other", "another")
    others = {"sets/other/x": b"x", "sets/.other.unfinished": b"another"}

    run(platform, project, format="yolo", storage=storage, path="sets", resume_job=job_id)
    remove_marks(root, job_id)
    assert found_in(s3, bucket) == whole | others
    assert s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ()) == ()


def test_originals_and_bundle_may_lie_in_a_store_as_well(platform, s3, bucket, tmp_path):
    storages = platform.ctx().v2_client.storages
    usual = platform.bundle_storage_id
    store = storages.create(name=secrets.token_hex(8), is_default=True, **s3.storage(bucket, "platform"))["id"]
    try:
        make, project = platform.make, platform.make.project()
        make.tasks(project, files=True, data=boxes("cat", "dog"), names=["a.jpg", "b.png"])
        result = run(platform, project["id"], format="coco", out=str(tmp_path), storage=None)
    finally:
        storages.update(usual, is_default=True)
    assert store != usual
    assert (result["exported_count"], result["failed_count"]) == (2, 0)
    assert len(list((tmp_path / "out/images").iterdir())) == 2
    names = {key.rsplit("/", 1)[-1] for key in found_in(s3, bucket)}
    assert {"tasks.jsonl", "manifest.json"} <= names
