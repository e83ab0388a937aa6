"""Objects in a store that is no folder (here: fsspec's in memory, with the interface of S3) appear whole or not at all."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from upath import UPath

from web_helper.backend.services.data.objects import (
    Announced,
    TransferError,
    UnsafePathError,
    facts_of,
    object_at,
    path_of_content,
    read_blocks,
    receive_object,
)

CONTENT = b"pixels" * 500_000


@pytest.fixture
def root(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return UPath("memory://bucket-of-test")


async def chunks(content: bytes):
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


def receive(root, sent: bytes, announced: bytes = CONTENT) -> str:
    sha256 = hashlib.sha256(announced).hexdigest()
    path = path_of_content(sha256)
    asyncio.run(receive_object(root, path, Announced(sha256, len(announced)), chunks(sent)))
    return path


def test_object_comes_back_whole_and_in_parts(root, tmp_path):
    target = object_at(root, receive(root, CONTENT))

    assert facts_of(target).size_bytes == len(CONTENT)
    assert b"".join(read_blocks(target, 0, len(CONTENT))) == CONTENT
    assert b"".join(read_blocks(target, 7, 11)) == CONTENT[7:18]
    assert list(Path(tmp_path).iterdir()) == []


def test_wrong_bytes_never_reach_the_store(root, tmp_path):
    other = b"other" + CONTENT
    with pytest.raises(TransferError):
        receive(root, CONTENT, announced=other)

    assert facts_of(object_at(root, path_of_content(hashlib.sha256(other).hexdigest()))) is None
    assert list(Path(tmp_path).iterdir()) == []


def test_paths_cannot_leave_the_store(root):
    for path in ("../x", "/x", "a//b", "a/../../x", "", ".", "a\\b", "a\0b", "s3://other/x", "x" * 2000):
        with pytest.raises(UnsafePathError):
            object_at(root, path)
