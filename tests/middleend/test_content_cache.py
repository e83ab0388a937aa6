"""Contents are what their names say, or they are not there."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.exceptions import ComponentError
from web_helper.middleend.worker import content_cache
from web_helper.middleend.worker.content_cache import ContentCache

CONTENT = b"\xef\xbb\xbfx = 1\r\n"
DIGEST = sha256_of(CONTENT)


@pytest.fixture
def cache(tmp_path):
    return ContentCache(tmp_path / "cache")


def files_of(cache):
    return sorted(path.name for path in cache.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("content", [b"", CONTENT, b"x" * 100_000])
def test_a_content_comes_back_as_it_was(cache, content):
    assert cache.read(sha256_of(content)) is None
    cache.add(sha256_of(content), content)
    assert cache.read(sha256_of(content)) == content


def test_what_is_something_else_is_refused_and_leaves_nothing(cache):
    with pytest.raises(ComponentError, match="something else"):
        cache.add(DIGEST, CONTENT + b" ")
    assert not cache.root.exists()


@pytest.mark.parametrize("altered", [b"", b"y = 2\n", CONTENT[:-1]])
def test_what_was_altered_is_thrown_away_and_can_be_had_anew(cache, altered):
    cache.add(DIGEST, CONTENT)
    path = cache.path_of(DIGEST)
    path.chmod(0o644)
    path.write_bytes(altered)
    assert cache.read(DIGEST) is None
    assert files_of(cache) == []
    cache.add(DIGEST, CONTENT)
    assert cache.read(DIGEST) == CONTENT


def test_a_link_takes_no_space_and_cannot_be_written_to_by_accident(cache, tmp_path):
    cache.add(DIGEST, CONTENT)
    cache.link(DIGEST, tmp_path / "linked.py")
    assert (tmp_path / "linked.py").samefile(cache.path_of(DIGEST))
    assert (tmp_path / "linked.py").stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_nothing_can_be_linked_it_is_copied(cache, tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    cache.add(DIGEST, CONTENT)
    monkeypatch.setattr(os, "link", refuse)
    cache.link(DIGEST, tmp_path / "copied.py")
    assert (tmp_path / "copied.py").read_bytes() == CONTENT
    assert not (tmp_path / "copied.py").samefile(cache.path_of(DIGEST))


def test_what_is_not_there_cannot_be_linked(cache, tmp_path):
    with pytest.raises(ComponentError, match="not in the cache"):
        cache.link(DIGEST, tmp_path / "linked.py")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_leaves_nothing_half(cache, monkeypatch, number):
    real = content_cache.write_new

    def tear(path, content):
        real(path, content[:3])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(content_cache, "write_new", tear)
    with pytest.raises(OSError, match=os.strerror(number)):
        cache.add(DIGEST, CONTENT)
    assert files_of(cache) == []


def test_what_a_killed_process_left_is_swept(cache):
    cache.add(DIGEST, CONTENT)
    (cache.root / DIGEST[:2] / f".{DIGEST}.1.2").write_bytes(b"half")
    cache.sweep()
    assert files_of(cache) == [DIGEST]


def test_many_may_add_the_same_at_once(cache):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: cache.add(DIGEST, CONTENT), range(64)))
    assert files_of(cache) == [DIGEST]
    assert cache.read(DIGEST) == CONTENT
