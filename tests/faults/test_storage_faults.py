"""The storage behind the signed links answers late, with 500s, or with half a body; or the disk is full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.bad_storage import BadStorage, Mood
from tests.faults.conftest import FORMATS
from tests.faults.stage import Stage
from tests.faults.test_kills import require_clear_failure
from tests.folders import files_below

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("faults"), pytest.mark.timeout(900)]
MOODS = (Mood.SLOW, Mood.ERROR, Mood.HALF)
SMALL, LARGE = "size=500k", "size=200m"


@pytest.fixture
def storage(sqlite_stage: Stage) -> Iterator[BadStorage]:
    assert sqlite_stage.storage is not None
    yield sqlite_stage.storage
    sqlite_stage.storage.be(Mood.FINE)


@pytest.mark.parametrize(("fmt", "mood"), list(zip(FORMATS, MOODS, strict=True)))
def test_a_storage_on_a_bad_day_changes_no_byte(sqlite_stage, storage, tmp_path: Path, fmt: str, mood: Mood):
    storage.be(mood)
    command = sqlite_stage.export(tmp_path, fmt, is_far=True)
    assert command.wait() == 0, command.words
    assert storage.spoilt[mood] > 10, "nothing went wrong: the test shows nothing"
    sqlite_stage.require_whole(tmp_path, fmt)


def test_a_storage_that_is_dead_ends_the_export_and_resuming_completes_it(sqlite_stage, storage, tmp_path: Path):
    storage.be(Mood.DEAD)
    command = sqlite_stage.export(tmp_path, "coco", is_far=True)
    assert command.wait() == 1
    require_clear_failure(tmp_path, command)
    assert list((tmp_path / "out").glob("*")) == []
    assert "--resume" in command.words
    storage.be(Mood.FINE)
    command = sqlite_stage.again(tmp_path, "coco", is_far=True)
    assert command.wait() == 0, command.words
    sqlite_stage.require_whole(tmp_path, "coco")


@contextmanager
def tiny_disk(folder: Path) -> Iterator[None]:
    """A real file system with room for half a megabyte. Growing it is `grow`."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        if os.environ.get("SYNAPSE_REQUIRE_ENGINES") == "1" and os.geteuid() == 0:
            pytest.fail(f"no file system could be mounted: {done.stderr}")
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def grow(folder: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,{LARGE}", str(folder)], check=True)


@pytest.mark.parametrize("fmt", ["coco", "yolo"])
def test_a_full_disk_under_the_export_leaves_nothing_and_room_lets_it_go_on(sqlite_stage, tmp_path: Path, fmt: str):
    out = tmp_path / "out"
    with tiny_disk(out):
        command = sqlite_stage.export(tmp_path, fmt)
        assert command.wait() == 1
        require_clear_failure(tmp_path, command)
        assert "No space left" in command.words
        assert list(out.iterdir()) == []
        grow(out)
        command = sqlite_stage.again(tmp_path, fmt)
        assert command.wait() == 0, command.words
        sqlite_stage.require_whole(tmp_path, fmt)


def test_a_full_disk_under_the_bundles_is_said_in_words_and_leaves_nothing(stage: Stage, tmp_path: Path):
    with tiny_disk(stage.bundles):
        command = stage.export(tmp_path, "coco")
        assert command.wait() == 1
        require_clear_failure(tmp_path, command)
        assert "is full" in command.words
        stage.require_tidy()
        assert list(files_below(stage.bundles)) == []
        grow(stage.bundles)
        command = stage.again(tmp_path, "coco")
        assert command.wait() == 0, command.words
        stage.require_whole(tmp_path, "coco")
