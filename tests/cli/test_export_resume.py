"""Exports that break off, and how they go on: real kills, real Ctrl-C, the same bytes in the end."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from synapse_sdk.cli.exporting.notes import ExportNote
from synapse_sdk.utils.converters.blocks import pool
from tests.cli.data_sets import InterruptingTransport, make_voc
from tests.export.support import tree
from web_helper.backend.core.database import Database
from web_helper.backend.models import AsyncJob

pytestmark = pytest.mark.usefixtures("worker")
ITEMS = 12

# Runs the command line and dies, as by power loss, right before an item is saved, each being a block of its own; or, told
# -1, -2 or -3, when the export is complete: before its note says so, before its mark goes, and before its note does.
DYING = """
import os, signal, sys
from itertools import count
from synapse_sdk.cli.main import build_app
from synapse_sdk.cli.exporting.notes import ExportNote
from synapse_sdk.cli.exporting.resuming import ResumableExport
from synapse_sdk.plugins.actions.export.formats import intake
from synapse_sdk.utils.converters.coco.writer import CocoWriter as Writer
absorb, die_at, numbers = Writer.absorb, int(sys.argv.pop(1)), count(1)
# Whoever runs the tests may run them under `nohup`.
signal.signal(signal.SIGHUP, getattr(signal, os.environ.get("HANG_UP", "SIG_DFL")))
def dying(*args):
    if next(numbers) == die_at:
        by = os.environ.get("DIE_BY", "SIGKILL")
        if by == "SIGHUP" and "HANG_UP" not in os.environ:
            master, terminal = os.openpty()
            os.dup2(terminal, 1), os.dup2(terminal, 2), os.close(terminal), os.close(master)
        os.kill(os.getpid(), getattr(signal, by))
    absorb(*args)
intake.BLOCK_ITEMS, Writer.absorb = 1, dying
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if die_at == -1:
    ExportNote.complete = die
elif die_at == -2:
    ResumableExport.close = die
elif die_at == -3:
    ExportNote.discard = die
build_app(extensions=[])()
"""


@pytest.fixture(scope="module")
def owls(tmp_path_factory):
    return make_voc(tmp_path_factory.mktemp("owls"), ITEMS)


@pytest.fixture
def arguments(synapse, owls, tmp_path):
    """An export of a project with twelve completed assignments."""
    synapse.json("import", "voc", owls, "--project", "resumed birds")
    return ["export", "--out", tmp_path / "out", "--project", "resumed birds", "--format", "coco"]


@pytest.fixture
def notes(config_file) -> Path:
    return config_file.parent / "exports"


@pytest.fixture
def paused(worker):
    worker.is_paused = True
    yield worker
    worker.is_paused = False


@pytest.fixture
def interrupted(synapse, arguments, paused, disturb, notes) -> str:
    """The job of an export that Ctrl-C stopped while the server had not begun."""
    disturb(lambda network: InterruptingTransport(network, path="/progress/"))
    result = synapse(*arguments)
    disturb(None)
    assert result.exit_code == 130, result.output
    (note,) = notes.iterdir()
    assert f"synapse export --resume {note.stem}" in result.stderr
    assert f"synapse job cancel {note.stem}" in result.stderr
    return note.stem


@pytest.fixture
def undisturbed(synapse, arguments, tmp_path):
    """What a whole export holds."""

    def export() -> dict[str, bytes]:
        return tree(Path(synapse.json(*arguments, "--out", tmp_path / "undisturbed")["path"]))

    return export


def test_ctrl_c_takes_the_folder_away_that_was_made_for_the_export(synapse, arguments, disturb, tmp_path):
    disturb(lambda network: InterruptingTransport(network, path="/bulk-fetch/"))
    assert synapse(*arguments, "--in-process").exit_code == 130
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    disturb(lambda network: InterruptingTransport(network, path="/bulk-fetch/"))
    assert synapse(*arguments, "--in-process").exit_code == 130
    assert names_in(tmp_path / "out") == []
    assert (tmp_path / "out").is_dir()


def test_ctrl_c_leaves_the_job_to_the_server_and_nothing_in_the_folder(synapse, interrupted, tmp_path):
    assert synapse.json("job", "show", interrupted)["status"] == "QUEUED"
    assert names_in(tmp_path / "out") == []


def test_ctrl_c_while_the_server_takes_the_job_tells_how_to_go_on(synapse, arguments, disturb, notes):
    disturb(lambda network: InterruptingTransport(network, path="/plugin-exports/"))
    result = synapse(*arguments)
    disturb(None)
    assert result.exit_code == 130, result.output
    (note,) = notes.iterdir()
    assert f"synapse export --resume {note.stem}" in result.stderr
    assert synapse.json("export", "--resume", note.stem)["exported"] == ITEMS


def test_a_second_ctrl_c_does_not_wait_for_a_server_that_does_not_answer(synapse, arguments, disturb, notes):
    disturb(lambda network: InterruptingTransport(network, path="/plugin-exports/", presses=2))
    result = synapse(*arguments)
    assert result.exit_code == 130, result.output
    assert "run the same command again" in result.stderr
    assert not list(notes.glob("*"))


def test_ctrl_c_of_what_cannot_be_resumed_says_so(synapse, arguments, disturb, notes):
    disturb(lambda network: InterruptingTransport(network, path="/bulk-fetch/"))
    result = synapse(*arguments, "--in-process")
    assert result.exit_code == 130, result.output
    assert "run the same command again" in result.stderr
    assert "--resume" not in result.stderr
    assert not list(notes.glob("*"))


def test_a_resumed_export_is_that_of_an_undisturbed_one(synapse, interrupted, worker, undisturbed, tmp_path):
    worker.is_paused = False
    summary = synapse.json("export", "--resume", interrupted)
    assert (summary["exported"], summary["head"]) == (ITEMS, "delegated")
    assert Path(summary["path"]) == tmp_path / "out" / "resumed birds-coco"
    assert tree(Path(summary["path"])) == undisturbed()
    assert names_in(tmp_path / "out") == ["resumed birds-coco"]


def test_a_resumed_export_starts_no_second_job(synapse, interrupted, worker, platform):
    worker.is_paused = False
    database = Database(platform.settings.sqlalchemy_url)
    with database.read() as session:
        before = len(session.scalars(select(AsyncJob.id)).all())
        synapse.json("export", "--resume", interrupted)
    with database.read() as session:
        assert len(session.scalars(select(AsyncJob.id)).all()) == before
    database.dispose()


def test_the_note_is_for_its_owner_and_holds_no_token(interrupted, notes, platform):
    note = notes / f"{interrupted}.json"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert stat.S_IMODE(notes.stat().st_mode) == 0o700
    text = note.read_text()
    assert platform.token not in text
    assert "syn_" not in text
    assert json.loads(text)["host"] == platform.url


@pytest.mark.parametrize("die_at", [1, 7, ITEMS])
def test_a_killed_export_is_resumed_and_its_half_folder_replaced(platform, arguments, undisturbed, tmp_path, die_at):
    env = os.environ | {"HOME": str(tmp_path / "home")}
    out = tmp_path / "out"
    killed = _shell(die_at, *arguments, env=env)
    assert killed.returncode == -signal.SIGKILL
    half = out / "resumed birds-coco"
    assert half.is_dir()
    assert not (half / "export.json").exists()
    (note,) = (tmp_path / "home" / ".synapse" / "exports").iterdir()
    assert f"synapse export --resume {note.stem}" in killed.stderr
    (out / "of somebody else").mkdir()
    resumed = _shell(0, "export", "--resume", note.stem, "--json", env=env)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["path"] == str(half)
    assert tree(half) == undisturbed()
    assert names_in(out) == ["of somebody else", half.name]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_an_export_that_is_asked_to_end_leaves_nothing_and_is_resumed(arguments, undisturbed, tmp_path, name):
    """As `docker stop` asks, and a terminal that is closed, to which nothing can be written any more."""
    env = os.environ | {"HOME": str(tmp_path / "home")}
    ended = _shell(7, *arguments, env=env | {"DIE_BY": name})
    assert ended.returncode == 128 + getattr(signal, name), ended.stderr
    assert names_in(tmp_path / "out") == []
    (note,) = (tmp_path / "home" / ".synapse" / "exports").iterdir()
    assert ("Go on with: synapse export --resume" in ended.stderr) == (name == "SIGTERM")
    assert _shell(0, "export", "--resume", note.stem, env=env).returncode == 0
    assert tree(tmp_path / "out" / "resumed birds-coco") == undisturbed()


def test_under_nohup_an_export_goes_on_when_its_terminal_is_closed(arguments, undisturbed, tmp_path):
    """`nohup` has the signal ignored, and what is printed goes to a file."""
    env = os.environ | {"HOME": str(tmp_path / "home"), "DIE_BY": "SIGHUP", "HANG_UP": "SIG_IGN"}
    assert _shell(7, *arguments, env=env).returncode == 0
    assert tree(tmp_path / "out" / "resumed birds-coco") == undisturbed()


@pytest.mark.parametrize("die_at", [-1, -2, -3])
def test_an_export_that_is_killed_when_it_was_complete_is_there_once(arguments, undisturbed, tmp_path, die_at):
    env = os.environ | {"HOME": str(tmp_path / "home")}
    assert _shell(die_at, *arguments, env=env).returncode == -signal.SIGKILL
    whole = tmp_path / "out" / "resumed birds-coco"
    assert (whole / "export.json").exists()
    (note,) = (tmp_path / "home" / ".synapse" / "exports").iterdir()
    resumed = _shell(0, "export", "--resume", note.stem, "--json", env=env)
    assert resumed.returncode == 0, resumed.stderr
    summary = json.loads(resumed.stdout)
    assert (summary["path"], summary["exported"], summary["head"]) == (str(whole), ITEMS, "delegated")
    assert tree(whole) == undisturbed()
    assert names_in(tmp_path / "out") == [whole.name]
    assert not list(note.parent.iterdir())


def test_a_resumed_export_that_is_killed_again_is_resumed_again(arguments, undisturbed, tmp_path):
    env = os.environ | {"HOME": str(tmp_path / "home")}
    _shell(3, *arguments, env=env)
    (note,) = (tmp_path / "home" / ".synapse" / "exports").iterdir()
    assert _shell(5, "export", "--resume", note.stem, env=env).returncode == -signal.SIGKILL
    assert _shell(0, "export", "--resume", note.stem, env=env).returncode == 0
    assert tree(tmp_path / "out" / "resumed birds-coco") == undisturbed()


def test_ctrl_c_of_a_resumed_export_keeps_it_resumable(synapse, interrupted, worker, disturb):
    disturb(lambda network: InterruptingTransport(network, path="/progress/"))
    again = synapse("export", "--resume", interrupted)
    assert again.exit_code == 130
    assert f"--resume {interrupted}" in again.stderr
    disturb(None)
    worker.is_paused = False
    assert synapse.json("export", "--resume", interrupted)["exported"] == ITEMS


class Dead(httpx2.BaseTransport):
    """A network that breaks when the progress of a job is asked for."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if "/async-jobs/" in request.url.path:
            raise httpx2.ConnectError("the cable is out", request=request)
        return self._inner.handle_request(request)


def test_a_broken_network_says_how_to_go_on(synapse, arguments, disturb, notes, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    disturb(Dead)
    result = synapse(*arguments)
    disturb(None)
    assert result.exit_code == 1
    (note,) = notes.iterdir()
    assert f"synapse export --resume {note.stem}" in result.stderr
    assert synapse.json("export", "--resume", note.stem)["exported"] == ITEMS
    assert not list(notes.iterdir())


def test_a_killed_converter_says_how_to_go_on(synapse, arguments, notes, undisturbed, monkeypatch):
    opened, send = pool.ProcessPool.__init__, pool._Worker.send

    def open_ready(self, job, workers):
        # So small an export would be over before the other process has started.
        opened(self, job, workers)
        while not all(worker.room for worker in self._workers):
            self._receive(None)

    with monkeypatch.context() as patch:
        patch.setenv("SYNAPSE_EXPORT_PARALLELISM", "2")
        patch.setattr(pool.ProcessPool, "__init__", open_ready)
        patch.setattr(pool._Worker, "send", lambda self, place: (self._process.kill(), send(self, place)))
        result = synapse(*arguments)
    assert result.exit_code == 1
    assert "ended early" in result.stderr
    assert names_in(arguments[2]) == []
    (note,) = notes.iterdir()
    assert f"synapse export --resume {note.stem}" in result.stderr
    # The server has done its part.
    assert "synapse job cancel" not in result.stderr
    assert tree(Path(synapse.json("export", "--resume", note.stem)["path"])) == undisturbed()


def test_an_export_of_which_nothing_can_be_noted_says_so_and_goes_on(synapse, arguments, notes):
    notes.parent.mkdir(parents=True)
    notes.write_text("in the way")
    result = synapse(*arguments)
    assert result.exit_code == 0, result.output
    assert "Should this break off, it cannot be gone on with" in result.stderr
    assert f"nothing can be noted in {notes}" in " ".join(result.stderr.split())


def test_a_cancelled_job_cannot_be_resumed(synapse, interrupted, notes):
    synapse("job", "cancel", interrupted)
    result = synapse("export", "--resume", interrupted)
    assert result.exit_code == 1
    assert "CANCELLED" in result.stderr
    assert "The export was cancelled on the server. Export again" in result.stderr
    assert "operator" not in result.stderr
    assert not list(notes.iterdir())


def test_an_expired_bundle_cannot_be_resumed(synapse, interrupted, worker, platform):
    worker.is_paused = False
    synapse("job", "logs", interrupted, "--follow")
    database = Database(platform.settings.sqlalchemy_url)
    with database.write() as session:
        session.get(AsyncJob, interrupted).result = None
    database.dispose()
    result = synapse("export", "--resume", interrupted)
    assert result.exit_code == 1
    assert "expired" in result.stderr


def test_an_export_that_fails_by_its_data_leaves_no_note(synapse, arguments, notes):
    result = synapse(*arguments[:-1], "yolo", "--task", "pose", "--strict")
    assert result.exit_code == 1, result.output
    assert "--resume" not in result.stderr.split("Error:")[1]
    assert not list(notes.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resume", "1234"], "knows of no unfinished export 1234"),
        (["--resume", "../config"], "is not the id of a job"),
        (["--resume", "1234", "--format", "coco"], "leave out --format"),
        (["--format", "coco"], "--out is missing"),
    ],
)
def test_what_cannot_be_resumed_is_refused_in_words(synapse, options, words):
    result = synapse("export", *options)
    assert result.exit_code in {1, 2}
    assert words in result.stderr


def test_the_token_is_not_sent_to_another_server(synapse, interrupted):
    result = synapse("export", "--resume", interrupted, "--host", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert "was begun on" in result.stderr


def test_two_processes_do_not_resume_one_export(synapse, interrupted):
    note = ExportNote.open(interrupted)
    result = synapse("export", "--resume", interrupted)
    note.close()
    assert result.exit_code == 1
    assert "Another process" in result.stderr


def test_a_switched_off_delegation_does_not_pretend_to_resume(synapse, interrupted, monkeypatch):
    monkeypatch.setenv("SYNAPSE_EXPORT_DISABLE_ASYNC_DELEGATE", "1")
    result = synapse("export", "--resume", interrupted)
    assert result.exit_code == 1
    assert "delegation is switched off" in result.stderr


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def _shell(die_at: int, *arguments: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", DYING, str(die_at), *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
