"""`resume_job`: an export out of the bundle that another run asked for."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from synapse_sdk.exceptions import ConfigurationError, ExportJobFailedError
from synapse_sdk.plugins.actions.export.formats import FormatExportAction
from synapse_sdk.plugins.actions.export.output.partial import (
    create_marked_folder,
    remove_marks,
    remove_partials,
)
from tests.backend.factories import boxes
from tests.export.platform import export, wire_of
from tests.export.support import mark_partial, tree


@pytest.fixture
def project(platform):
    project = platform.make.project()
    platform.make.tasks(project, 3, files=True, data=boxes("cat"))
    return project["id"]


@pytest.fixture
def run(platform, project, tmp_path):
    """Exports to a folder of this machine; the folder's content, and the run's context."""

    def run(name: str, **params):
        ctx = platform.ctx()
        given = {"project": project, "format": "coco", "out": tmp_path / name, "storage": None, "path": ""}
        export(platform, ctx, FormatExportAction, **(given | params))
        return tree(tmp_path / name / "out"), ctx

    return run


def test_the_bundle_of_an_earlier_job_gives_the_same_bytes_and_no_new_job(platform, run):
    first, _ = run("first")
    again, ctx = run("again", resume_job=platform.last_job().id)
    assert again == first
    assert wire_of(ctx).count("plugin-exports") == 0
    assert any("goes on with the server's job" in message for message in ctx.logger.messages())


@pytest.mark.parametrize("changes", [{"filter": {"search": "x"}}, {"target": "assignment"}])
def test_a_job_that_exports_something_else_is_refused(platform, project, run, changes):
    run("first")
    params = {"target": "task", **changes, "filter": {"project": project, **changes.get("filter", {})}}
    with pytest.raises(RuntimeError, match="exports something else") as caught:
        run("again", resume_job=platform.last_job().id, **params)
    assert isinstance(caught.value.__cause__, ConfigurationError)


def test_a_job_that_nobody_knows_is_an_error_with_a_next_step(run):
    with pytest.raises(RuntimeError, match="Export again") as caught:
        run("again", resume_job="11111111-2222-3333-4444-555555555555")
    assert isinstance(caught.value.__cause__, ExportJobFailedError)


def test_a_head_that_has_no_job_refuses_to_resume_one(run):
    with pytest.raises(ConfigurationError, match="delegation is switched off"):
        run("again", resume_job="1234", disable_async_delegate=True)


def test_only_the_marked_leftovers_of_one_job_are_removed(tmp_path):
    for name, job in (("mine", "1"), ("mine(1)", "1"), ("other", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
        mark_partial(tmp_path / name, job)
    (tmp_path / "unmarked").mkdir()
    remove_partials(tmp_path, "1")
    assert {path.name for path in tmp_path.glob("*")} == {"other", ".other.unfinished", "unmarked"}
    remove_partials(tmp_path / "absent", "1")


def test_another_export_that_completes_meanwhile_is_no_fault(tmp_path):
    (tmp_path / "mine").mkdir()
    mark_partial(tmp_path / "mine", "1")
    # A mark that is gone since the folder was listed.
    (tmp_path / ".other.unfinished").symlink_to(tmp_path / "nothing")

    remove_marks(tmp_path, "1")

    assert {path.name for path in tmp_path.glob("*")} == {"mine", ".other.unfinished"}


# Makes the folder of an export for each of these moments, and dies right before or after it, as by power loss.
KILLED = """
import os, signal, sys
from pathlib import Path
from synapse_sdk.plugins.actions.export.output.partial import create_marked_folder

def die_at(name, is_done, root):
    act = getattr(Path, name)
    def dying(path, *args, **options):
        if path == root:
            return act(path, *args, **options)
        if is_done:
            act(path, *args, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(Path, name, dying)
    create_marked_folder(root, "out", "1")

for name in ("write_text", "mkdir", "replace"):
    for is_done in (False, True):
        if not os.fork():
            die_at(name, is_done, Path(sys.argv[1], f"{name}-{is_done}"))
        os.wait()
"""


def test_whoever_is_killed_while_making_the_folder_leaves_nothing_for_good(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=True)
    assert len(list(tmp_path.iterdir())) == 6
    assert (tmp_path / "mkdir-True" / "out").is_dir()
    assert (tmp_path / "replace-True" / ".out.unfinished").is_file()
    for root in tmp_path.iterdir():
        remove_partials(root, "1")
        assert list(root.iterdir()) == [], root.name


def test_a_folder_that_somebody_made_where_none_was_begun_stays(tmp_path):
    (tmp_path / ".1.unfinished.part").write_text("1\nout\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "of somebody").touch()
    remove_partials(tmp_path, "1")
    assert list(tree(tmp_path)) == ["out/of somebody"]


def test_two_exports_of_one_name_never_share_a_folder_or_a_mark(tmp_path):
    made = [create_marked_folder(tmp_path, "out", job_id).name for job_id in ("1", "2")]
    assert made == ["out", "out(1)"]
    remove_partials(tmp_path, "1")
    assert {path.name for path in tmp_path.glob("*")} == {"out(1)", ".out(1).unfinished"}


def test_a_folder_that_cannot_be_marked_is_not_left(tmp_path):
    (tmp_path / ".out.unfinished").mkdir()
    with pytest.raises(OSError, match="directory"):
        create_marked_folder(tmp_path, "out", "1")
    assert [path.name for path in tmp_path.iterdir()] == [".out.unfinished"]


# Dies, as by power loss, while the disk takes what is written to try whether it takes anything.
TRYING = """
import os, signal, sys
from pathlib import Path
from synapse_sdk.plugins.actions.export.output.files import prove_writable
os.fsync = lambda _descriptor: os.kill(os.getpid(), signal.SIGKILL)
prove_writable(Path(sys.argv[1]))
"""


def test_whoever_is_killed_while_trying_a_folder_that_is_there_leaves_nothing_in_it(tmp_path):
    done = subprocess.run([sys.executable, "-c", TRYING, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []
