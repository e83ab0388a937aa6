"""Archives that nobody vouches for: unpacked whole and inside their folder, or refused with the reason."""

import stat
import zipfile

import pytest

from synapse_sdk.exceptions import ArchiveError
from synapse_sdk.utils.file.archive import create_archive
from synapse_sdk.utils.file.unpacking import UnpackLimits, unpack_archive


def make(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def link(name, kind=stat.S_IFLNK):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


def test_what_was_packed_comes_out_as_it_was(tmp_path):
    source = tmp_path / "source"
    (source / "sub" / "한글").mkdir(parents=True)
    (source / "sub" / "한글" / "a.txt").write_text("안녕")
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    create_archive(source, tmp_path / "a.zip")

    unpack_archive(tmp_path / "a.zip", tmp_path / "out")

    assert (tmp_path / "out" / "sub" / "한글" / "a.txt").read_text() == "안녕"
    assert (tmp_path / "out" / "run.sh").stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize(
    "entry",
    ["../a", "/a", "a/../../b", "C:\\a", "a\\..\\b", "..", "./../a", link("a"), link("a", stat.S_IFIFO)],
    ids=str,
)
def test_what_leads_out_or_is_no_file_is_refused_and_nothing_is_written(tmp_path, entry):
    archive = make(tmp_path / "a.zip", [("fine.txt", "x"), (entry, "/etc/passwd")])

    with pytest.raises(ArchiveError):
        unpack_archive(archive, tmp_path / "deep" / "out")

    assert sorted(path.name for path in tmp_path.rglob("*")) in (["a.zip"], ["a.zip", "deep"])


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (UnpackLimits(max_files=2), "3 entries"),
        (UnpackLimits(max_bytes=1000), "3000 bytes"),
        (UnpackLimits(max_ratio=20, free_ratio_bytes=100), "more than 20 times"),
    ],
)
def test_what_grows_beyond_the_limits_is_refused(tmp_path, limits, said):
    archive = make(tmp_path / "a.zip", [(f"{index}.txt", "x" * 1000) for index in range(3)])

    with pytest.raises(ArchiveError, match=said):
        unpack_archive(archive, tmp_path / "out", limits)
    assert not (tmp_path / "out").exists()


def test_a_header_that_lies_about_a_size_is_found_out(tmp_path):
    archive = make(tmp_path / "a.zip", [("a.txt", "x" * 100_000)])
    content = archive.read_bytes()
    archive.write_bytes(content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))

    with pytest.raises(ArchiveError):
        unpack_archive(archive, tmp_path / "out")
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) <= 10


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "byte"])
def test_a_damaged_archive_says_so(tmp_path, damage):
    whole = make(tmp_path / "a.zip", [("a.txt", "hello " * 1000)]).read_bytes()
    middle = len(whole) // 3
    content = {
        "empty": b"",
        "text": b"not a zip",
        "cut": whole[: len(whole) // 2],
        "byte": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
    }[damage]
    (tmp_path / "a.zip").write_bytes(content)

    with pytest.raises(ArchiveError, match="damaged"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")
