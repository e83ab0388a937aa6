"""A platform to break: real server and worker processes under the real supervisor, and real `synapse` commands.

The supervisor's waits before a restart are shortened, everything else is as in production.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.wire.bundle import MANIFEST_NAME
from synapse_sdk.wire.jobs import AsyncJobStatus
from tests.bench.filling import fill
from tests.export.support import tree
from tests.faults.bad_storage import BadStorage
from tests.faults.originals import add_originals
from web_helper.backend.core.database import Database
from web_helper.backend.models import AsyncJob
from web_helper.launcher import supervisor
from web_helper.launcher.home import Home
from web_helper.launcher.platform import Platform

PROJECT = "filled"
ITEMS, WITH_ORIGINALS = 4000, 120
RESTART_SECONDS = (0.1,)
# A machine that others use too is slow, and a command that hangs does so for ever.
END_SECONDS, ALONE_SECONDS = 240.0, 120.0
FINAL = {AsyncJobStatus.SUCCEEDED, AsyncJobStatus.FAILED, AsyncJobStatus.CANCELLED}
# More than one shard, and one that is not full.
CHOICES = {"webdataset": ("--shard-items", "900")}
# Small parts, so that a job has many moments at which it can be hit.
PART_ROWS = "250"
# As `synapse`, but as if the server were on another machine: its storage is not looked for on this disk.
FAR = """
from synapse_sdk.plugins.actions.export.steps import delegated
from synapse_sdk.cli.main import main
delegated.BundleReader._find_local = lambda self: None
main()
"""


@dataclass
class Command:
    """One running `synapse` command; its words are in a file, because a killed one says nothing to us."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self, seconds: float = END_SECONDS) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            # It says where it is, thread by thread, before it dies.
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(f"the command hangs:\n{self.words}") from None

    @property
    def words(self) -> str:
        return self.log.read_text()


@dataclass
class Stage:
    """One installation that many tests break in turn; each test exports into a folder of its own."""

    platform: Platform
    database: Database
    storage: BadStorage | None = None
    undisturbed: dict[str, dict[str, bytes]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.platform.home.path

    @property
    def bundles(self) -> Path:
        return self.home / "storage" / "exports"

    def pid(self, name: str) -> int:
        record = self.platform.home.running()
        assert record is not None
        return record.children[name]

    def start(self, folder: Path, *arguments: str, is_far: bool = False, **variables: str) -> Command:
        """Begin a `synapse` command whose notes lie in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "command.log"
        keep = {"SYNAPSE_HOST": self.platform.url, "SYNAPSE_ACCESS_TOKEN": self.platform.token, "HOME": str(folder)}
        keep["PYTHONFAULTHANDLER"] = "1"
        program = ["-c", FAR] if is_far else ["-m", "synapse_sdk"]
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **keep, **variables},
            )  # fmt: skip
        return Command(process, log)

    def export(self, folder: Path, name: str, *more: str, since: Path | None = None, **options: Any) -> Command:
        """Begin an export into a folder of this name, which is its format's; or a delta since another export."""
        what = (
            ("--project", PROJECT, "--target", "task", "--format", name) if since is None else ("--since", str(since))
        )
        place = ("--out", str(folder / "out"), "--name", name)
        return self.start(folder, "export", *what, *place, *CHOICES.get(name, ()), *more, **options)

    def again(self, folder: Path, name: str, *more: str, since: Path | None = None, **options: Any) -> Command:
        """Go on with the export that was begun in this folder; where it left no note, begin it."""
        notes = list((folder / ".synapse" / "exports").glob("*.json"))
        if notes:
            return self.start(folder, "export", "--resume", notes[0].stem, **options)
        return self.export(folder, name, *more, since=since, **options)

    def prepare(self, folder: Path, *names: str, since: Path | None = None) -> None:
        """What undisturbed exports look like, and how long they take."""
        for name in names:
            started = time.monotonic()
            command = self.export(folder / name, name, since=since)
            assert command.wait() == 0, command.words
            self.seconds[name] = time.monotonic() - started
            self.undisturbed[name] = export_tree(folder / name / "out" / name)
            shutil.rmtree(folder / name)

    def client(self) -> BackendV2Client:
        return BackendV2Client(self.platform.url, access_token=self.platform.token)

    def require_whole(self, folder: Path, fmt: str) -> None:
        """The export is there, byte by byte as undisturbed, and nothing beside it."""
        names = sorted(path.name for path in (folder / "out").iterdir())
        assert names == [fmt], f"beside the export lies {names}"
        found, wanted = export_tree(folder / "out" / fmt), self.undisturbed[fmt]
        differs = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        seen = [(name, found.get(name, b"")[:1000], wanted.get(name, b"")[:1000]) for name in differs[:3]]
        assert not differs, f"{len(differs)} files differ: {seen}"
        assert not list((folder / ".synapse" / "exports").glob("*"))
        require_alone(folder)

    def require_tidy(self) -> None:
        """Every job has ended, and of each there is one complete bundle or nothing."""
        jobs = self._ended_jobs()
        # The clean-up follows the end of the row.
        deadline = time.monotonic() + ALONE_SECONDS
        while left := self._left_over(jobs):
            assert time.monotonic() < deadline, left
            time.sleep(0.1)

    def _left_over(self, jobs: Mapping[str, AsyncJobStatus]) -> str:
        """What is there that should not be, or is not whole; the worker may be removing it."""
        for job_folder in self.bundles.glob("*"):
            if jobs.get(job_folder.name) is not AsyncJobStatus.SUCCEEDED:
                return f"{job_folder.name} is left over"
            try:
                self._require_complete(job_folder)
            except (AssertionError, FileNotFoundError, ValueError) as exc:
                return f"{job_folder.name}: {exc}"
        return ""

    def _ended_jobs(self) -> Mapping[str, AsyncJobStatus]:
        deadline = time.monotonic() + END_SECONDS
        while True:
            with self.database.read() as session:
                rows = session.execute(select(AsyncJob.id, AsyncJob.status)).all()
                jobs = {row[0]: row[1] for row in rows}
            if all(status in FINAL for status in jobs.values()):
                # The clean-up follows the end of the row.
                time.sleep(0.3)
                return {job_id: AsyncJobStatus(status) for job_id, status in jobs.items()}
            assert time.monotonic() < deadline, f"jobs do not end: {jobs}"
            time.sleep(0.1)

    def _require_complete(self, job_folder: Path) -> None:
        (manifest,) = job_folder.rglob(MANIFEST_NAME)
        facts = json.loads(manifest.read_text())
        listed = [*facts["parts"], *filter(None, [facts.get("deletions")])]
        for part in listed:
            assert (manifest.parent / part["path"]).stat().st_size == part["size_bytes"]
        parts = {manifest.parent / part["path"] for part in listed}
        files = set((manifest.parent / "files").rglob("*"))
        strays = {path for path in job_folder.rglob("*") if path.is_file()} - parts - files - {manifest}
        assert not strays, f"leftovers of an attempt: {sorted(map(str, strays))[:5]}"
        assert len([path for path in files if path.is_file()]) == facts["file_count"]


def export_tree(folder: Path) -> dict[str, bytes]:
    """Every file's bytes. Of the record, what names the moment is left out: it differs by nature."""
    found = tree(folder)
    if "export.json" in found:
        record = json.loads(found["export.json"])
        for volatile in ("snapshot",):
            record.pop(volatile, None)
        found["export.json"] = json.dumps(record, sort_keys=True).encode()
    return found


@contextmanager
def open_stage(home: Path, database_url: str | None = None, **variables: str) -> Iterator[Stage]:
    """Start a platform on SQLite, or on the database named, and watch over it as `synapse up` does."""
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(supervisor, "RESTART_SECONDS", RESTART_SECONDS)
        platform = stack.enter_context(_started(home, database_url, variables))
        watching = threading.Thread(target=platform.supervisor.watch)
        watching.start()
        database = Database(database_url or f"sqlite:///{home.resolve() / 'synapse.db'}")
        try:
            fill(database, PROJECT, ITEMS)
            add_originals(database, home.resolve() / "storage", PROJECT, WITH_ORIGINALS)
            yield Stage(platform, database)
        finally:
            platform.supervisor.request_stop()
            watching.join()
            database.dispose()
    require_none("SYNAPSE_SERVER_HOME", home.resolve())


@contextmanager
def _started(home: Path, database_url: str | None, variables: Mapping[str, str]) -> Iterator[Platform]:
    """A platform with these variables, which nothing else sees: tests of other platforms share this process."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("SYNAPSE_SERVER_DATABASE_URL", raising=False)
            if database_url:
                patch.setenv("SYNAPSE_SERVER_DATABASE_URL", database_url)
            for name, value in {"SYNAPSE_SERVER_BUNDLE_PART_ROWS": PART_ROWS, **variables}.items():
                patch.setenv(name, value)
            platform = stack.enter_context(Platform.start(Home(home)))
        yield platform


def require_alone(folder: Path) -> None:
    """No command that was started in this folder goes on, nor a process that one of them has started."""
    require_none("HOME", folder)


def require_none(name: str, value: Path) -> None:
    """No process goes on whose environment says so; one that was told to end may take a moment."""
    deadline = time.monotonic() + ALONE_SECONDS
    while left := processes_with(name, value):
        assert time.monotonic() < deadline, f"processes are left over: {left}"
        time.sleep(0.1)


def processes_with(name: str, value: Path) -> list[int]:
    """Processes whose environment says so."""
    marker = f"{name}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if marker in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found
