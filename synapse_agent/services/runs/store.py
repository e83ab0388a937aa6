"""What this agent has taken on, on disk: a restarted agent reads here what it had started."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.utils.file.ages import newest_first
from synapse_sdk.utils.file.private import write_private

RECORD, CONSOLE = "run.json", "console"
KEPT_RUNS = 50


class Phase(StrEnum):
    """How far the agent is with a run."""

    TAKEN = "taken"
    STARTED = "started"
    ENDED = "ended"


class RunFile(msgspec.Struct):
    """One run; no credentials.

    Attributes:
        sent_bytes: How much of what it printed the server has.
        build_steps: How many of its commands only prepare the environment.
        token_hash: SHA-256 of the key that the run shows to this agent.
        ending: How it ended, as it is reported.
    """

    job_id: str
    phase: Phase = Phase.TAKEN
    plugin: str = ""
    version: str = ""
    action: str = ""
    limits: str = ""
    build_steps: int = 0
    sent_bytes: int = 0
    token_hash: str = ""
    started: str = ""
    ending: dict[str, Any] | None = None


class RunStore:
    """The runs' folders below the agent's home.

    Args:
        folder: Where they lie; made for the owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._ended = folder, folder.with_name("ended")
        for path in (self._folder, self._ended):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def folder_of(self, job_id: str) -> Path:
        """The folder of a run that has not been reported to its end."""
        return self._folder / job_id

    def find(self, job_id: str) -> tuple[RunFile, Path] | None:
        """A run and its folder, also when it is over, as long as it is kept."""
        for parent in (self._folder, self._ended):
            run = _read(parent / job_id)
            if run is not None:
                return run, parent / job_id
        return None

    def ended(self) -> list[RunFile]:
        """Runs that are over and still kept, newest first."""
        # Another thread may close a run meanwhile, which removes the oldest one.
        return [run for folder in newest_first(self._ended.iterdir()) if (run := _read(folder)) is not None]

    def take(self, job_id: str) -> bool:
        """Note that a job is this agent's now; False when it was before."""
        folder = self.folder_of(job_id)
        if (folder / RECORD).exists():
            return False
        folder.mkdir(exist_ok=True, mode=0o700)
        self.save(RunFile(job_id))
        return True

    def save(self, run: RunFile) -> None:
        write_private(self.folder_of(run.job_id) / RECORD, msgspec.json.encode(run))

    def load(self, job_id: str) -> RunFile | None:
        """A run that this agent has; None when it has not."""
        return _read(self.folder_of(job_id))

    def all(self) -> Iterator[RunFile]:
        """Every run that has not been reported to its end."""
        for folder in sorted(self._folder.iterdir()):
            run = self.load(folder.name)
            if run is not None:
                yield run

    def close(self, job_id: str) -> None:
        """A run is reported to its end: keep its record and console for a while, and nothing else of it."""
        folder = self.folder_of(job_id)
        for path in folder.iterdir() if folder.exists() else ():
            if path.name not in {RECORD, CONSOLE}:
                _remove(path)
        if folder.exists():
            _remove(self._ended / job_id)
            folder.rename(self._ended / job_id)
            (self._ended / job_id).touch()
        for run in self.ended()[KEPT_RUNS:]:
            _remove(self._ended / run.job_id)

    def forget(self, job_id: str) -> None:
        """Remove a run's folder; the record first, so that a crash in between leaves no half run."""
        (self.folder_of(job_id) / RECORD).unlink(missing_ok=True)
        _remove(self.folder_of(job_id))


def _read(folder: Path) -> RunFile | None:
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=RunFile)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
