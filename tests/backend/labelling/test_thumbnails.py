"""Thumbnails: small, kept, and nothing that a hostile file could use."""

import io
import os
import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.models import Role
from web_helper.backend.services.labelling.thumbnails import Thumbnails, remove_unused

pytestmark = SQLITE_ONLY


def picture(kind="JPEG", size=(800, 600), mode="RGB", **options):
    out = io.BytesIO()
    Image.new(mode, size, 128).save(out, kind, **options)
    return out.getvalue()


def upload(client, content):
    answer = client.post("/data_files/", files={"file": ("a.jpg", content)})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def thumbnail(client, file_id, size=192, **headers):
    return client.get(f"/v2/data-files/{file_id}/thumbnail/", params={"size": size}, headers=headers)


def kept(settings):
    return [Path(place, name) for place, _, names in os.walk(settings.thumbnail_dir) for name in names]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("TIFF", "CMYK"), ("GIF", "P")],
)
def test_a_picture_becomes_a_small_one_that_browsers_may_keep(client, kind, mode):
    answer = thumbnail(client, upload(client, picture(kind, mode=mode)))

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/webp"
    assert "immutable" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (192, 144)


def test_a_thumbnail_is_made_once_and_not_sent_to_who_has_it(client, settings):
    file_id = upload(client, picture())
    first = thumbnail(client, file_id)
    made = kept(settings)
    assert len(made) == 1
    stamp = made[0].stat().st_mtime_ns

    assert thumbnail(client, file_id).content == first.content
    assert made[0].stat().st_mtime_ns == stamp
    assert thumbnail(client, file_id, **{"If-None-Match": first.headers["etag"]}).status_code == 304


def test_a_camera_s_orientation_is_not_applied_because_annotations_do_not_count_it(client):
    exif = Image.Exif()
    exif[0x0112] = 6
    answer = thumbnail(client, upload(client, picture(exif=exif)))
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (192, 144)
        assert not image.getexif()


def bomb():
    """A PNG that says it has 40,000 by 40,000 pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"no picture",
        b"",
        picture()[:500],
        picture("PNG", size=(9000, 9000), mode="1"),
        bomb(),
    ],
    ids=["svg", "postscript", "text", "empty", "cut", "large", "bomb"],
)
def test_what_is_no_picture_or_a_hostile_one_is_refused(client, content):
    answer = thumbnail(client, upload(client, content))
    assert answer.status_code == 422, answer.text
    assert "picture" in answer.json()["error"]["message"]


def test_sizes_are_those_that_are_documented(client):
    answer = thumbnail(client, upload(client, picture()), size=193)
    assert answer.status_code == 400
    assert "192" in answer.json()["error"]["message"]


def test_thumbnails_are_for_those_who_see_the_file(client, make):
    file_id = upload(client, picture())
    _, stranger = make.user(project=make.project(), role=Role.VIEWER)
    assert thumbnail(stranger, file_id).status_code == 404


def test_thumbnails_that_nobody_asks_for_go(client, settings):
    thumbnail(client, upload(client, picture()))
    assert remove_unused(settings.thumbnail_dir) == 0
    for path in kept(settings):
        os.utime(path, (time.time() - 40 * 86_400,) * 2)
    assert remove_unused(settings.thumbnail_dir) == 1


def test_one_that_is_removed_when_it_is_asked_for_does_not_come_back_empty(settings, monkeypatch):
    thumbnails = Thumbnails(settings.thumbnail_dir)
    path = settings.thumbnail_dir / "ab" / "c-192.webp"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a picture")
    os.utime(path, (1, 1))
    stat = Path.stat

    def stat_then_lose(self, **options):
        found = stat(self, **options)
        if self == path:
            path.unlink()
        return found

    monkeypatch.setattr(Path, "stat", stat_then_lose)
    assert thumbnails.find("abc", 192) is None
    assert kept(settings) == []
    thumbnails.close()
