"""Files going in: announced, sent to a signed URL, confirmed; and everything that can go wrong on the way."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

from tests.backend.data.uploads import announce, describe, send, stored_files
from web_helper.backend.core.signing import ObjectGrant, Operation, UrlSigner
from web_helper.backend.services.data.objects import PART_FOLDER, remove_abandoned_parts

CONTENT = b"\xff\xd8 a photograph \x00\x01"


def test_file_is_announced_sent_and_confirmed(client, settings):
    ticket = announce(client, CONTENT)
    assert ticket["status"] == "upload"

    assert client.put(ticket["upload_url"], content=CONTENT).status_code == 204
    arrival = client.post("/v2/data-files/confirm-upload/", json={"ids": [ticket["data_file_id"]]})

    assert arrival.json()["data"] == [{"data_file_id": ticket["data_file_id"], "status": "confirmed"}]
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    assert (settings.storage_dir / f"files/{sha256[:2]}/{sha256[2:]}").read_bytes() == CONTENT
    file = client.get(f"/v2/data-files/{ticket['data_file_id']}/").json()["data"]
    assert (file["sha256"], file["size_bytes"], file["status"]) == (sha256, len(CONTENT), "confirmed")
    assert client.get(file["url"]).content == CONTENT


def test_second_announcement_of_same_content_asks_for_nothing(client):
    first = send(client, CONTENT)

    again = announce(client, CONTENT)

    assert again == {"data_file_id": first, "status": "exists", "upload_url": None, "expires_at": None}


def test_empty_file_can_be_sent(client):
    file_id = send(client, b"")

    assert client.get(f"/data_files/{file_id}/content/").content == b""


def test_upload_that_was_sent_but_never_confirmed_is_known_at_the_next_announcement(client):
    ticket = announce(client, CONTENT)
    client.put(ticket["upload_url"], content=CONTENT)

    assert announce(client, CONTENT)["status"] == "exists"


def test_wrong_bytes_are_refused_and_nothing_is_kept(client, settings):
    ticket = announce(client, CONTENT)

    for sent in (b"", CONTENT[:-1], CONTENT + b"!", b"X" * len(CONTENT)):
        answer = client.put(ticket["upload_url"], content=sent)

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
        assert stored_files(settings) == []
    arrival = client.post("/v2/data-files/confirm-upload/", json={"ids": [ticket["data_file_id"]]}).json()["data"]
    assert arrival[0]["status"] == "missing"


def test_too_many_bytes_without_a_declared_length_are_refused(client, settings):
    ticket = announce(client, CONTENT)

    def chunks():
        yield from [b"x" * 2**20] * 3

    assert client.put(ticket["upload_url"], content=chunks()).status_code == 400
    assert stored_files(settings) == []


def test_upload_larger_than_allowed_is_refused_when_announced(client, settings):
    body = {"files": [{**describe(CONTENT), "size_bytes": settings.max_upload_bytes + 1}]}

    answer = client.post("/v2/data-files/presigned-upload/", json=body)

    assert answer.status_code == 413
    assert answer.json()["error"]["details"][0]["field"] == "files.0.size_bytes"


def test_announcing_known_content_with_another_size_is_refused(client):
    send(client, CONTENT)

    answer = client.post(
        "/v2/data-files/presigned-upload/", json={"files": [{**describe(CONTENT), "size_bytes": len(CONTENT) + 1}]}
    )

    assert answer.status_code == 400


def test_wrong_first_announcement_does_not_block_the_right_one(client):
    client.post("/v2/data-files/presigned-upload/", json={"files": [{**describe(CONTENT), "size_bytes": 1}]})

    assert send(client, CONTENT)


def test_concurrent_uploads_of_the_same_content_give_one_file(client, settings):
    content = b"y" * 3_000_000

    def upload(_):
        ticket = announce(client, content)
        if ticket["upload_url"]:
            assert client.put(ticket["upload_url"], content=content).status_code == 204
        return ticket["data_file_id"]

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(upload, range(8)))

    assert len(ids) == 1
    arrival = client.post("/v2/data-files/confirm-upload/", json={"ids": list(ids)}).json()["data"]
    assert arrival[0]["status"] == "confirmed"
    assert [path.read_bytes() for path in stored_files(settings)] == [content]


def test_full_disk_is_reported_and_leaves_nothing(client, settings, monkeypatch):
    ticket = announce(client, CONTENT)
    monkeypatch.setattr("os.fsync", _no_space)

    answer = client.put(ticket["upload_url"], content=CONTENT)

    assert answer.status_code == 500
    assert "No space left" in answer.json()["error"]["message"]
    assert stored_files(settings) == []


def _no_space(_descriptor):
    raise OSError(28, "No space left on device")


def test_lost_file_is_noticed_and_can_be_sent_again(client, settings):
    file_id = send(client, CONTENT)
    stored_files(settings)[0].unlink()

    arrival = client.post("/v2/data-files/confirm-upload/", json={"ids": [file_id]}).json()["data"]

    assert arrival[0]["status"] == "missing"
    assert send(client, CONTENT) == file_id


def test_form_upload_stores_a_file_once(client, settings):
    answers = [client.post("/data_files/", files={"file": ("a.jpg", CONTENT)}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert client.get(answers[0].json()["url"]).content == CONTENT
    assert len(stored_files(settings)) == 1


def test_form_without_a_file_is_refused(client):
    answer = client.post("/data_files/", data={"file": "text"}, files={"other": ("a", b"")})

    assert answer.status_code == 400


def test_form_upload_without_a_key_is_refused_before_it_is_read(client, settings):
    del client.headers["Authorization"]

    assert client.post("/data_files/", files={"file": ("a.jpg", CONTENT)}).status_code == 401
    assert stored_files(settings) == []


def test_checksums_are_answered_with_ids_or_as_missing(client):
    file_id = send(client, CONTENT)
    known, unknown = hashlib.sha256(CONTENT).hexdigest(), "0" * 64

    answer = client.post("/data_files/verify_checksums/", json={"checksums": [known, unknown]})

    assert answer.json() == {"existing": {known: file_id}, "missing": [unknown]}


def test_malformed_announcements_are_refused(client):
    changes = [
        {"sha256": "../../etc/passwd"},
        {"sha256": "AB" * 32},
        {"size_bytes": -1},
        {"size_bytes": 2**64},
        {"file_name": ""},
        {"file_name": "a\x00b"},
        {"extra": 1},
    ]
    for change in changes:
        answer = client.post("/v2/data-files/presigned-upload/", json={"files": [{**describe(CONTENT), **change}]})

        assert answer.status_code == 400, change
        assert answer.json()["error"]["code"] == "VALIDATION_ERROR"


def test_expired_upload_link_is_refused(client, settings):
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    grant = ObjectGrant(1, f"files/{sha256[:2]}/{sha256[2:]}", Operation.PUT, sha256=sha256, size_bytes=len(CONTENT))
    url = UrlSigner(settings).sign_object(grant, seconds=-1).url

    answer = client.put(url, content=CONTENT)

    assert answer.status_code == 403
    assert "expired" in answer.json()["error"]["message"]


def test_links_do_what_they_were_made_for_and_nothing_else(client):
    ticket = announce(client, CONTENT)
    upload_url = ticket["upload_url"]

    assert client.get(upload_url).status_code == 403
    assert client.put(upload_url.replace("/objects/", "/objects/x"), content=CONTENT).status_code == 403
    assert client.put(upload_url + "x", content=CONTENT).status_code == 403
    client.put(upload_url, content=CONTENT)
    url = client.post("/data_files/", files={"file": ("a.jpg", CONTENT)}).json()["url"]
    assert client.put(url, content=CONTENT).status_code == 403


def test_stranger_cannot_confirm_or_fetch_a_file_by_guessing_its_number(client, make):
    file_id = send(client, CONTENT)
    _, stranger = make.user()

    assert stranger.post("/v2/data-files/confirm-upload/", json={"ids": [file_id]}).status_code == 404
    assert stranger.get(f"/data_files/{file_id}/content/").status_code == 404
    assert stranger.get("/v2/data-files/").json()["data"] == []
    assert (
        stranger.post(
            "/data_files/verify_checksums/", json={"checksums": [hashlib.sha256(CONTENT).hexdigest()]}
        ).json()["existing"]
        == {}
    )


def test_abandoned_part_files_are_removed_after_a_day_and_young_ones_stay(settings, client):
    folder = settings.storage_dir / PART_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, age in (("old.part", 2 * 86_400), ("young.part", 60)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age,) * 2)

    # One whose upload has ended since it was listed.
    (folder / "done.part").symlink_to(folder / "nothing")

    assert remove_abandoned_parts(settings.storage_dir) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["done.part", "young.part"]
