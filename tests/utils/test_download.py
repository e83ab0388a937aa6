"""A download ends complete or leaves nothing; a broken connection is taken up where it stopped."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from synapse_sdk.exceptions import ClientConnectionError, ClientError, NotFoundError, ServerError, StorageError
from synapse_sdk.utils.file.checksum import calculate_checksum
from synapse_sdk.utils.file.download import (
    JsonDownload,
    download_file,
    download_json,
    files_url_to_path_from_objs,
    iter_download,
)
from synapse_sdk.utils.file.io import convert_file_to_base64
from synapse_sdk.utils.retry import RetryPolicy

QUICK = RetryPolicy(retries=2, backoff_seconds=0)
CONTENT = os.urandom(700_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served(file_server):
    file_server.content = CONTENT
    return file_server


def fetch(served, tmp_path, **options):
    return download_file(f"{served.url}/a.bin?signature=secret", tmp_path / "a.bin", retry=QUICK, **options)


def left_behind(tmp_path):
    return [entry.name for entry in tmp_path.iterdir()]


def test_a_file_is_fetched_and_checked(served, tmp_path):
    path = fetch(served, tmp_path, expected_sha256=SHA256.upper(), expected_size=len(CONTENT))
    assert path.read_bytes() == CONTENT
    assert left_behind(tmp_path) == ["a.bin"]


def test_a_broken_connection_is_taken_up_where_it_stopped(served, tmp_path):
    served.cuts = [100_000, 50_000]
    assert fetch(served, tmp_path, expected_sha256=SHA256).read_bytes() == CONTENT
    assert served.ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_breaking_more_often_than_the_policy_allows_is_fine_while_bytes_arrive(served, tmp_path):
    served.cuts = [50_000] * 10
    assert fetch(served, tmp_path, expected_sha256=SHA256).read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again_and_nothing_is_doubled(served, tmp_path):
    served.has_ranges = False
    served.cuts = [100_000, 400_000]
    assert fetch(served, tmp_path, expected_sha256=SHA256).read_bytes() == CONTENT


def test_content_that_changes_in_between_is_not_mixed(served, tmp_path):
    served.cuts, served.replace_after_cut = [100_000], os.urandom(700_000)
    with pytest.raises(StorageError, match="changed while it was fetched"):
        fetch(served, tmp_path)
    assert left_behind(tmp_path) == []


def test_a_range_that_was_not_asked_for_is_refused(served, tmp_path):
    served.cuts, served.range_shift = [100_000], 5
    with pytest.raises(StorageError, match="changed while it was fetched"):
        fetch(served, tmp_path)


def test_a_connection_that_never_brings_anything_is_given_up(served, tmp_path):
    served.cuts = [0] * 10
    with pytest.raises(ClientConnectionError) as raised:
        fetch(served, tmp_path)
    assert len(served.ranges) == 3
    assert "secret" not in str(raised.value)
    assert left_behind(tmp_path) == []


def test_passing_trouble_is_waited_out(served, tmp_path):
    served.statuses = [503, 502]
    assert fetch(served, tmp_path, expected_sha256=SHA256).exists()


@pytest.mark.parametrize(("status", "error"), [(404, NotFoundError), (403, ClientError), (500, ServerError)])
def test_an_error_body_is_never_saved_as_the_file(served, tmp_path, status, error):
    served.statuses = [status] * 9
    with pytest.raises(error) as raised:
        fetch(served, tmp_path)
    assert raised.value.status_code == status
    assert "secret" not in str(raised.value)
    assert left_behind(tmp_path) == []


def test_trouble_that_stays_ends_with_its_own_status(served, tmp_path):
    served.statuses = [503] * 9
    with pytest.raises(ServerError) as raised:
        fetch(served, tmp_path)
    assert raised.value.status_code == 503


@pytest.mark.parametrize(
    ("expected", "message"), [({"expected_sha256": "0" * 64}, "SHA-256"), ({"expected_size": 3}, "700000 bytes")]
)
def test_other_bytes_than_announced_are_refused_and_the_old_file_stays(served, tmp_path, expected, message):
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(StorageError, match=message) as raised:
        fetch(served, tmp_path, **expected)
    assert "secret" not in str(raised.value)
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert left_behind(tmp_path) == ["a.bin"]


def test_a_full_disk_leaves_nothing_behind(served, tmp_path, monkeypatch):
    # The file system's own refusal: the target's folder is not there.
    with pytest.raises(StorageError, match="could not be written"):
        download_file(f"{served.url}/a.bin", tmp_path / "missing" / "a.bin")
    assert left_behind(tmp_path) == []


def test_a_name_as_long_as_the_file_system_allows_can_be_written(served, tmp_path):
    name = "가" * 83 + ".jpg"
    assert download_file(f"{served.url}/a", tmp_path / name).read_bytes() == CONTENT


def test_two_downloads_of_one_target_do_not_mix(served, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        for path in pool.map(lambda _: fetch(served, tmp_path, expected_sha256=SHA256), range(8)):
            assert path.read_bytes() == CONTENT
    assert left_behind(tmp_path) == ["a.bin"]


def test_local_paths_and_file_urls_are_copied(tmp_path):
    source = tmp_path / "source image.bin"
    source.write_bytes(CONTENT)
    assert download_file(source, tmp_path / "copy").read_bytes() == CONTENT
    assert download_file(source.as_uri(), tmp_path / "copy", expected_sha256=SHA256).read_bytes() == CONTENT
    with pytest.raises(StorageError, match="could not be read"):
        download_file(tmp_path / "nothing", tmp_path / "copy2")
    assert not (tmp_path / "copy2").exists()


def test_other_schemes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="only http, https and file"):
        download_file("ftp://example.com/a", tmp_path / "a")


def test_json_is_decoded_and_checked(file_server):
    file_server.content = b'{"annotations": [1, 2]}'
    assert download_json(f"{file_server.url}/payload") == {"annotations": [1, 2]}
    with pytest.raises(StorageError):
        download_json(f"{file_server.url}/payload", expected_sha256="0" * 64)
    file_server.content = b"<html>"
    with pytest.raises(ClientError, match="did not answer with JSON") as raised:
        download_json(f"{file_server.url}/payload?token=secret")
    assert "secret" not in str(raised.value)


def test_json_is_fetched_request_by_request(file_server):
    file_server.content, file_server.statuses, file_server.cuts = b'{"annotations": [1, 2]}', [503], [5]
    with httpx2.Client() as client:
        download = JsonDownload(
            f"{file_server.url}/payload",
            client,
            expected_sha256=hashlib.sha256(file_server.content).hexdigest(),
            retry=RetryPolicy(retries=1, backoff_seconds=8),
        )
        waits = [download.request() for _ in range(3)]
    assert waits == [pytest.approx(6, abs=2), pytest.approx(6, abs=2), None]
    assert file_server.ranges == [None, None, "bytes=5-"]
    assert download.document() == {"annotations": [1, 2]}


def test_no_credentials_are_sent(served, tmp_path):
    fetch(served, tmp_path)
    assert not {name.lower() for name in served.headers[0]} & {"authorization", "cookie", "synapse-access-token"}


def test_large_content_is_handed_out_in_pieces(served):
    pieces = list(iter_download(f"{served.url}/a", expected_size=len(CONTENT)))
    assert len(pieces) > 1
    assert b"".join(pieces) == CONTENT


def test_file_urls_in_answers_become_paths(file_server, tmp_path):
    file_server.content = b"bytes"
    url = f"{file_server.url}/../../x.png"
    rows = [{"id": 1, "file": url, "files": {"image": {"url": url}}, "other": url}, {"id": 2, "file": None}]
    files_url_to_path_from_objs(rows, ["file", "files"], is_list=True, folder=tmp_path)
    assert rows[0]["file"].read_bytes() == b"bytes"
    assert rows[0]["file"] == rows[0]["files"]["image"]
    assert rows[0]["file"].parent == tmp_path
    assert rows[0]["other"] == url
    assert len(file_server.ranges) == 1


def test_checksums_and_data_uris_of_files(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"abc")
    assert calculate_checksum(path) == hashlib.sha256(b"abc").hexdigest()
    assert calculate_checksum(path, "md5") == "900150983cd24fb0d6963f7d28e17f72"
    assert convert_file_to_base64(path) == "data:image/png;base64,YWJj"
