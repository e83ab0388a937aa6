"""Files in a storage: every path is inside it."""

import sys

import pytest

from synapse_sdk.clients.backend.models import Storage
from synapse_sdk.exceptions import StorageError
from synapse_sdk.utils.storage import get_path_file_count, get_path_total_size, get_pathlib, get_storage


@pytest.fixture
def config(tmp_path):
    return {"provider": "file_system", "configuration": {"location": str(tmp_path / "store")}}


def test_a_path_is_inside_the_location(config, tmp_path):
    assert get_pathlib(config, "exports/a") == tmp_path / "store" / "exports" / "a"
    assert get_pathlib(config, "/exports/a/") == tmp_path / "store" / "exports" / "a"
    assert get_pathlib(config, "") == tmp_path / "store"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "..", "/../x", "a\\..\\x", "a\0b", "a/.."])
def test_a_path_that_leads_out_is_refused(config, path):
    with pytest.raises(StorageError, match="leads out"):
        get_pathlib(config, path)


def test_a_link_that_leads_out_is_refused(config, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "store" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(StorageError, match="leads out"):
        get_pathlib(config, "link/file")


def test_a_location_may_itself_be_a_link(config, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "real")
    assert get_pathlib(config, "a").parent == tmp_path / "store"


def test_files_are_uploaded_counted_and_summed(config, tmp_path):
    source = tmp_path / "a.bin"
    source.write_bytes(b"12345")
    storage = get_storage(config)
    assert not storage.exists("x/a.bin")
    url = storage.upload(source, "x/a.bin")
    storage.upload(source, "x/deep/b.bin")
    assert url == (tmp_path / "store" / "x" / "a.bin").as_uri() == storage.get_url("x/a.bin")
    assert storage.exists("x/a.bin")
    assert get_path_file_count(config, "x") == 2
    assert get_path_total_size(config, "x") == 10
    assert get_path_file_count(config, "x/a.bin") == 1
    assert get_path_file_count(config, "nothing") == 0


def test_uploading_a_file_that_is_not_there_says_so(config, tmp_path):
    with pytest.raises(StorageError, match="nothing could not be read"):
        get_storage(config).upload(tmp_path / "nothing", "a")


def test_a_failed_upload_leaves_the_old_file(config, tmp_path):
    source = tmp_path / "a.bin"
    source.write_bytes(b"old")
    storage = get_storage(config)
    storage.upload(source, "a.bin")
    with pytest.raises(StorageError):
        storage.upload(tmp_path / "nothing", "a.bin")
    assert storage.get_pathlib("a.bin").read_bytes() == b"old"
    assert get_path_file_count(config, "") == 1


def test_the_clients_storage_model_is_a_config(config, tmp_path):
    storage = Storage(
        id=1, name="s", category="internal", provider="file_system", configuration=config["configuration"]
    )
    assert get_pathlib(storage, "a") == tmp_path / "store" / "a"
    assert "store" not in repr(storage)


def test_local_is_another_name_of_file_system(tmp_path):
    assert get_pathlib({"provider": "local", "configuration": {"location": str(tmp_path)}}, "a") == tmp_path / "a"


@pytest.mark.parametrize("provider", ["azure", "gcp", "gcs", "sftp", "ftp", "https", "synology", "tape"])
def test_providers_that_are_not_supported_are_refused_by_name(provider):
    with pytest.raises(StorageError, match="is not supported as a storage"):
        get_storage({"provider": provider, "configuration": {}})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "needs a provider"),
        ({"provider": "local"}, "needs a provider"),
        ({"provider": "local", "configuration": {}}, "needs 'location'"),
        ({"provider": "local", "configuration": {"location": "relative"}}, "not absolute"),
        ({"provider": "s3", "configuration": {}}, "needs 'bucket_name'"),
        ({"provider": "s3", "configuration": {"bucket_name": "b", "access_key": "k"}}, "needs 'secret_key'"),
    ],
)
def test_an_incomplete_configuration_is_refused(config, message):
    with pytest.raises(StorageError, match=message):
        get_storage(config)


def test_an_object_store_has_the_same_interface():
    pytest.importorskip("upath")
    configuration = {
        "bucket_name": "lab",
        "access_key": "key",
        "secret_key": "very-secret",
        "endpoint_url": "http://127.0.0.1:9",
        "root_path": "/synapse/",
    }
    config = {"provider": "minio", "configuration": configuration}
    assert str(get_pathlib(config, "exports/a.json")) == "s3://lab/synapse/exports/a.json"
    assert get_storage(config).get_url("a b") == "s3://lab/synapse/a b"
    with pytest.raises(StorageError, match="leads out"):
        get_pathlib(config, "../../other-bucket/x")


def test_an_object_store_without_its_packages_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(StorageError, match=r"synapse-platform\[s3\]"):
        get_storage({"provider": "s3", "configuration": {"bucket_name": "b"}})
