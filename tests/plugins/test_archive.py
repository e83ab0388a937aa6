"""Packing a folder: reproducible, without what git ignores, and nothing from outside."""

import os
import subprocess
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synapse_sdk.exceptions import ArchiveError
from synapse_sdk.utils.file.archive import ArchiveFilter, create_archive, get_archive_size, list_archive_contents
from synapse_sdk.utils.file.ignore import is_ignored, parse_rules

PATTERNS = [
    *(
        "*.log",
        "/top",
        "build/",
        "a/b",
        "**/c",
        "a/**",
        "a/**/z",
        "!keep.log",
        "*",
        "!*/",
        "?.txt",
        "[ab].txt",
        "[!a].txt",
    ),
    *(
        "\\#x",
        "\\!x",
        "#no",
        "foo*bar",
        "x\\ ",
        "a/*",
        "**",
        "!a/b",
        "/",
        "*.[ch]",
        "a//b",
        "**/",
        "doc/*.txt",
        "c/**/",
    ),
]
NAMES = [
    "a",
    "b",
    "c",
    "z",
    "top",
    "build",
    "a.txt",
    "b.txt",
    "keep.log",
    "x.log",
    "#x",
    "!x",
    "foo1bar",
    "x ",
    "m.c",
    "doc",
]


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_equal_content_gives_equal_bytes_whatever_the_times_and_the_order(tmp_path):
    names = ["b.py", "a.py", "p/c.py"]
    make(tmp_path / "one", *names)
    make(tmp_path / "two", *reversed(names))
    os.utime(tmp_path / "two" / "a.py", (10**9, 10**9))
    assert create_archive(tmp_path / "one", tmp_path / "1.zip") == ["a.py", "b.py", "p/c.py"]
    create_archive(tmp_path / "two", tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    assert list_archive_contents(tmp_path / "1.zip") == ["a.py", "b.py", "p/c.py"]
    assert get_archive_size(tmp_path / "1.zip") == (tmp_path / "1.zip").stat().st_size


def test_content_and_the_executable_bit_survive(tmp_path):
    make(tmp_path / "f", "run.sh", "data.bin")
    (tmp_path / "f" / "run.sh").chmod(0o755)
    create_archive(tmp_path / "f", tmp_path / "f.zip")
    with zipfile.ZipFile(tmp_path / "f.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("data.bin") == b"data.bin"
        assert [info.external_attr >> 16 & 0o777 for info in archive.infolist()] == [0o644, 0o755]


def test_secrets_caches_and_ignored_files_stay_behind(tmp_path):
    make(
        tmp_path,
        "a.py",
        ".env",
        "k.pem",
        "__pycache__/a.pyc",
        ".git/config",
        ".venv/x",
        "sub/skip.txt",
        "sub/a.txt",
        "n.md",
    )
    (tmp_path / ".gitignore").write_text("*.md\n")
    (tmp_path / "sub" / ".synapseignore").write_text("/skip.txt\n")
    packed = create_archive(tmp_path, tmp_path / "out.zip")
    assert packed == [".gitignore", "a.py", "sub/.synapseignore", "sub/a.txt"]
    again = create_archive(tmp_path, tmp_path / "out.zip")
    assert [name for name in again if name != "out.zip"] == packed


def test_an_ignore_file_may_take_back_what_is_left_out_by_default(tmp_path):
    make(tmp_path, "a.py", "dist/w.whl")
    (tmp_path / ".synapseignore").write_text("!dist/\n")
    assert "dist/w.whl" in create_archive(tmp_path, tmp_path / "out.zip")


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    make(tmp_path, "secret", "f/a.py")
    (tmp_path / "f" / "b.py").symlink_to(tmp_path / "secret")
    with pytest.raises(ArchiveError, match=r"b\.py is a link that leads out"):
        create_archive(tmp_path / "f", tmp_path / "f.zip")
    assert not (tmp_path / "f.zip").exists()
    assert not list(tmp_path.glob(".*.part"))


def test_what_is_no_plain_file_is_named(tmp_path):
    make(tmp_path, "f/a.py")
    os.mkfifo(tmp_path / "f" / "pipe")
    with pytest.raises(ArchiveError, match="pipe is not a plain file"):
        create_archive(tmp_path / "f", tmp_path / "f.zip")
    (tmp_path / "f" / "pipe").unlink()
    (tmp_path / "f" / "gone").symlink_to("nowhere")
    with pytest.raises(ArchiveError, match="gone is not a plain file"):
        create_archive(tmp_path / "f", tmp_path / "f.zip")


def test_an_empty_or_missing_folder_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match="nothing to pack"):
        create_archive(tmp_path, tmp_path / "x.zip")
    with pytest.raises(ArchiveError, match="not a folder"):
        create_archive(tmp_path / "none", tmp_path / "x.zip")
    (tmp_path / "x.zip").write_text("no zip")
    with pytest.raises(ArchiveError, match="cannot be read as a zip"):
        list_archive_contents(tmp_path / "x.zip")


def test_a_filter_may_be_given(tmp_path):
    make(tmp_path, "a.py", "b.txt")
    assert create_archive(tmp_path, tmp_path / "o.zip", ArchiveFilter(["*.txt", "*.zip"])) == ["a.py"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=4),
    parts=st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), min_size=1, max_size=6),
)
def test_rules_mean_what_they_mean_to_git(tmp_path_factory, lines, parts):
    root = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "-q", root], check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"})
    (root / ".gitignore").write_text("".join(f"{line}\n" for line in lines))
    paths = sorted({"/".join(p) for p in parts})
    asked = subprocess.run(
        ["git", "-C", root, "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(paths), capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    rules = parse_rules(lines)

    def ours(path):
        ancestors = [path[:i] for i, char in enumerate(path) if char == "/"]
        return any(is_ignored(a, rules, is_folder=True) for a in ancestors) or is_ignored(path, rules)

    assert {path for path in paths if ours(path)} == set(filter(None, asked.split("\0"))), lines
