"""The local sink: files appear whole, joined files keep their order, and nothing is left of what was given up."""

import hashlib
from pathlib import Path

import pytest

from synapse_sdk.utils.converters.sinks import LocalSink, local


def test_a_growing_file_appears_when_it_is_closed(tmp_path: Path):
    sink = LocalSink(tmp_path / "set")
    output = sink.open("lists/train.txt")
    output.write(b"a\n")
    output.write(b"b\n")
    assert not (tmp_path / "set/lists/train.txt").exists()
    output.close()
    output.close()
    assert (tmp_path / "set/lists/train.txt").read_bytes() == b"a\nb\n"
    assert sink.files["lists/train.txt"].sha256 == hashlib.sha256(b"a\nb\n").hexdigest()
    assert sink.files["lists/train.txt"].size_bytes == 4


def test_the_second_part_of_a_joined_file_follows_the_first(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(local, "PIECE_BYTES", 10)
    sink = LocalSink(tmp_path)
    output = sink.open_joined("all.json")
    expected = b""
    for number in range(20):
        output.write(b"%d " % number)
        output.write_later(b"later %d " % number)
        expected += b"%d " % number
    expected += b"".join(b"later %d " % number for number in range(20))
    output.close()
    assert (tmp_path / "all.json").read_bytes() == expected
    assert sink.files["all.json"].sha256 == hashlib.sha256(expected).hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == ["all.json"]


@pytest.mark.parametrize("how", ["open", "open_joined"])
def test_a_file_that_is_given_up_leaves_nothing(tmp_path: Path, how: str):
    sink = LocalSink(tmp_path)
    output = getattr(sink, how)("x.json")
    output.write(b"1")
    if how == "open_joined":
        output.write_later(b"2")
    sink.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["open", "open_joined"])
def test_a_disk_that_changes_what_was_written_is_noticed(tmp_path: Path, how: str):
    sink = LocalSink(tmp_path)
    output = getattr(sink, how)("x.json")
    output.write(b"1" * (3 << 20))
    (part,) = tmp_path.iterdir()
    with part.open("r+b") as file:
        file.write(b"?")
    with pytest.raises(OSError, match="not what was written"):
        output.close()
    assert list(tmp_path.iterdir()) == []
    assert dict(sink.files) == {}


def test_a_disk_that_changes_what_is_joined_is_noticed(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(local, "PIECE_BYTES", 2 << 20)
    sink = LocalSink(tmp_path)
    output = sink.open_joined("x.json")
    output.write(b"1")
    for _ in range(6):
        output.write_later(b"2" * (1 << 20))
    with (tmp_path / "x.json.part.1").open("r+b") as file:
        file.seek(1 << 20)
        file.write(b"?")
    with pytest.raises(OSError, match="not what was written"):
        output.close()
    assert list(tmp_path.iterdir()) == []
    assert dict(sink.files) == {}


@pytest.mark.parametrize("by", [-1, 1])
def test_a_file_of_another_length_is_noticed(tmp_path: Path, by: int):
    sink = LocalSink(tmp_path)
    output = sink.open_joined("x.json")
    output.write(b"1" * (2 << 20))
    output.write_later(b"2" * (2 << 20))
    with (tmp_path / "x.json.part.0").open("r+b") as file:
        file.truncate((2 << 20) + by)
    with pytest.raises(OSError, match="not what was written"):
        output.close()
    assert list(tmp_path.iterdir()) == []


def test_whole_files_are_written_placed_and_linked(tmp_path: Path):
    source = tmp_path / "source.png"
    source.write_bytes(b"image")
    sink = LocalSink(tmp_path / "set")
    sink.write("labels/train/a.txt", b"0 1 1 1 1\n")
    sink.place("images/a.png", source)
    sink.place("images/b.png", source, link=True)
    assert (tmp_path / "set/labels/train/a.txt").read_bytes() == b"0 1 1 1 1\n"
    assert (tmp_path / "set/images/a.png").read_bytes() == b"image"
    assert source.stat().st_nlink == 2
