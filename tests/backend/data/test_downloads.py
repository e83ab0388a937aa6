"""Bytes going out: ranges, names, types; and paths that try to leave their storage."""

from urllib.parse import unquote

import pytest

from tests.backend.data.uploads import send
from web_helper.backend.core.signing import ObjectGrant, Operation, PayloadGrant, UrlSigner

CONTENT = bytes(range(256)) * 10


@pytest.fixture
def signer(client, settings):
    return UrlSigner(settings)


@pytest.fixture
def url(client):
    file_id = send(client, CONTENT)
    return client.get(f"/v2/data-files/{file_id}/").json()["data"]["url"]


def put_object(settings, path: str, content: bytes = b"content") -> None:
    target = settings.storage_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def test_parts_of_a_file_are_answered_as_http_says(client, url):
    size = len(CONTENT)
    for wanted, start, end in (
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=100-", 100, size - 1),
        ("bytes=-5", size - 5, size - 1),
        ("bytes=-999999", 0, size - 1),
        ("bytes=10-999999", 10, size - 1),
    ):
        answer = client.get(url, headers={"Range": wanted})

        assert answer.status_code == 206, wanted
        assert answer.content == CONTENT[start : end + 1]
        assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{size}"


def test_ranges_that_make_no_sense_give_the_whole_file(client, url):
    for wanted in ("bytes=5-1", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=0-1-2"):
        answer = client.get(url, headers={"Range": wanted})

        assert (answer.status_code, answer.content) == (200, CONTENT), wanted


def test_range_beyond_the_end_is_refused_with_the_size(client, url):
    for wanted in (f"bytes={len(CONTENT)}-", "bytes=-0"):
        answer = client.get(url, headers={"Range": wanted})

        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


def test_broken_download_goes_on_only_while_the_file_is_the_same(client, url):
    etag = client.head(url).headers["ETag"]

    same = client.get(url, headers={"Range": "bytes=5-", "If-Range": etag})
    other = client.get(url, headers={"Range": "bytes=5-", "If-Range": '"other"'})

    assert (same.status_code, same.content) == (206, CONTENT[5:])
    assert (other.status_code, other.content) == (200, CONTENT)


def test_head_answers_the_headers_of_get_without_the_bytes(client, url):
    head, get = client.head(url), client.get(url)

    assert head.content == b""
    differing = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in differing} == {
        k: v for k, v in get.headers.items() if k not in differing
    }
    assert head.headers["Content-Length"] == str(len(CONTENT))
    assert head.headers["Accept-Ranges"] == "bytes"


def test_empty_file_is_answered_whole(client):
    file_id = send(client, b"")

    answer = client.get(f"/v2/data-files/{file_id}/content/")

    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "0")


def test_nothing_is_served_as_a_page_of_this_site(client, settings, signer):
    for name in ("page.html", "image.svg", "script.js", "page.xhtml", "noextension", "photo.HTML"):
        put_object(settings, f"exports/{name}", b"<script>alert(1)</script>")
        link = signer.sign_prefix(1, "exports").url

        answer = client.get(link + name)

        assert answer.headers["Content-Type"] == "application/octet-stream", name
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_images_keep_their_type(client, settings, signer):
    put_object(settings, "files/ab/cd")
    link = signer.sign_object(ObjectGrant(1, "files/ab/cd", Operation.GET, file_name="photo.JPG")).url

    assert client.get(link).headers["Content-Type"] == "image/jpeg"


def test_hostile_names_become_harmless_ones(client, settings, signer):
    put_object(settings, "files/ab/cd")
    for name, saved in (
        ("../../etc/passwd", "passwd"),
        ("..\\..\\evil.exe", "evil.exe"),
        ('a";b\r\nX-Evil: 1.jpg', 'a";bX-Evil: 1.jpg'),
        ("사진.jpg", "사진.jpg"),
        ("..", "download"),
        ("", "cd"),
        ("a" * 5000, "a" * 255),
    ):
        link = signer.sign_object(ObjectGrant(1, "files/ab/cd", Operation.GET, file_name=name)).url

        answer = client.get(link)

        assert answer.status_code == 200, name
        assert "X-Evil" not in answer.headers
        encoded = answer.headers["Content-Disposition"].split("filename*=UTF-8''")[1]
        assert unquote(encoded) == saved


def test_paths_outside_the_signed_prefix_are_refused(client, settings, signer):
    put_object(settings, "exports/1/tasks.jsonl")
    put_object(settings, "exports/10/tasks.jsonl")
    put_object(settings, "files/secret")
    (settings.home / "secret.txt").write_text("secret")
    link = signer.sign_prefix(1, "exports/1").url
    base = link.removesuffix("exports/1/")

    assert client.get(link + "tasks.jsonl").status_code == 200
    for path in (
        "exports/10/tasks.jsonl",
        "files/secret",
        "exports/1/%2e%2e/%2e%2e/files/secret",
        "exports/1/..%2f..%2ffiles/secret",
        "exports/1/%2e%2e/%2e%2e/%2e%2e/secret.txt",
        "exports/1/..%5c..%5csecret.txt",
        "exports/1//etc/passwd",
        "exports/1/%00",
        "%2fetc/passwd",
        "exports/1/" + "a/" * 2000,
        "exports/1",
        "exports/1/",
    ):
        answer = client.get(base + path)

        assert answer.status_code in {403, 404}, path
        assert "secret" not in answer.text


def test_link_inside_the_storage_that_leads_out_is_refused(client, settings, signer):
    (settings.home / "secret.txt").write_text("secret")
    (settings.storage_dir / "exports").mkdir()
    (settings.storage_dir / "exports" / "link").symlink_to(settings.home)

    answer = client.get(signer.sign_prefix(1, "exports").url + "link/secret.txt")

    assert answer.status_code == 404


def test_changed_and_expired_links_are_refused(client, settings, signer):
    put_object(settings, "exports/a")
    good = signer.sign_prefix(1, "exports").url
    expired = signer.sign_prefix(1, "exports", seconds=-1).url

    assert client.get(good + "a").status_code == 200
    assert client.get(expired + "a").status_code == 403
    assert client.get(good.replace("/objects/", "/objects/A") + "a").status_code == 403
    token = good.split("/")[-3]
    assert client.get(good.replace(token, token[:-2]) + "a").status_code == 403
    assert (
        client.get(
            signer.sign_payload(PayloadGrant("tasks", 1, 0)).url.replace("payloads", "objects") + "exports/a"
        ).status_code
        == 403
    )


def test_link_of_another_installation_is_refused(client, settings, tmp_path):
    put_object(settings, "exports/a")
    other = UrlSigner(settings.model_copy(update={"home": tmp_path / "other"}))

    assert client.get(other.sign_prefix(1, "exports").url + "a").status_code == 403


def test_signing_key_is_readable_by_its_owner_only(client, settings):
    assert (settings.home / "secret.key").stat().st_mode & 0o777 == 0o600


def test_missing_object_and_missing_storage_are_not_found(client, signer):
    assert client.get(signer.sign_prefix(1, "exports").url + "nothing").status_code == 404
    assert client.get(signer.sign_prefix(99, "exports").url + "nothing").status_code == 404


def test_a_link_into_a_storage_never_leads_into_a_later_one(client, signer, tmp_path):
    def make_storage():
        body = {"name": "second", "provider": "file_system", "configuration": {"location": str(tmp_path / "second")}}
        return client.post("/v2/storages/", json=body).json()["data"]["id"]

    first = make_storage()
    (tmp_path / "second" / "a").write_bytes(b"theirs")
    link = signer.sign_object(ObjectGrant(first, "a", Operation.GET)).url
    assert client.get(link).content == b"theirs"

    client.delete(f"/v2/storages/{first}/")
    later = make_storage()  # On SQLite it has the number of the first.

    assert client.get(link).status_code == 404
    assert client.get(signer.sign_object(ObjectGrant(later, "a", Operation.GET)).url).content == b"theirs"
