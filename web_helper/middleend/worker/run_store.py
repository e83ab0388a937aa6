"""The runs that this worker has taken on, on disk: a restarted worker reads here how far it was with each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.utils.file.ages import newest_first
from synapse_sdk.utils.file.private import write_private

RECORD = "job.json"
KEPT_RUNS = 20
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,199}")


class Phase(StrEnum):
    """How far a run is. Each is on disk before anything of the next is done."""

    TAKEN = "taken"
    READY = "ready"
    STARTED = "started"
    ENDED = "ended"


class RunFile(msgspec.Struct):
    """One run.

    Attributes:
        job: As the server gave it.
        manifest: What was on disk, verified; from `ready` on.
        outcome: How it ended, as it is reported; from `ended` on.
        slot: Its number among the runs that this host has at once: it says which GPUs are its.
    """

    uid: str
    attempt: int
    job: dict[str, Any]
    phase: Phase = Phase.TAKEN
    manifest: dict[str, Any] | None = None
    outcome: dict[str, Any] | None = None
    slot: int = 0


class RunStore:
    """The runs' folders below the worker's folder; made for the owner only.

    Args:
        folder: Of the worker.
    """

    def __init__(self, folder: Path) -> None:
        self._runs, self._ended = folder / "runs", folder / "ended"
        for path in (self._runs, self._ended):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def folder_of(self, uid: str) -> Path:
        """The folder of a run.

        Raises:
            ValueError: The id is none that a server gives: it could lead elsewhere.
        """
        if _SAFE.fullmatch(uid) is None:
            raise ValueError("an experiment's id has letters, digits and . _ @ : -")
        return self._runs / uid

    def take(self, uid: str, attempt: int, job: dict[str, Any], *, slot: int = 0) -> RunFile:
        """Note that a job is this worker's now; what was there of an earlier attempt goes."""
        run = self.load(uid)
        if run is not None and run.attempt == attempt:
            return run
        self.forget(uid)
        self.folder_of(uid).mkdir(mode=0o700)
        run = RunFile(uid, attempt, job, slot=slot)
        self.save(run)
        return run

    def save(self, run: RunFile) -> None:
        """Write a run's record: it is the old or the new one, never half."""
        write_private(self.folder_of(run.uid) / RECORD, msgspec.json.encode(run))

    def load(self, uid: str) -> RunFile | None:
        """A run that has not been reported to its end."""
        try:
            return msgspec.json.decode((self.folder_of(uid) / RECORD).read_bytes(), type=RunFile)
        except FileNotFoundError:
            return None

    def all(self) -> Iterator[RunFile]:
        """Every run that has not been reported to its end."""
        for folder in sorted(self._runs.iterdir()):
            run = self.load(folder.name)
            if run is not None:
                yield run

    def close(self, uid: str) -> None:
        """A run is reported to its end: keep its folder for a while, for those who want to look."""
        kept = self._ended / uid
        shutil.rmtree(kept, ignore_errors=True)
        folder = self.folder_of(uid)
        folder.rename(kept)
        kept.touch()
        # Another run may end at the same moment, and remove the oldest one.
        for path in newest_first(self._ended.iterdir())[KEPT_RUNS:]:
            shutil.rmtree(path, ignore_errors=True)

    def forget(self, uid: str) -> None:
        """Remove a run's folder; the record first, so that a crash in between leaves no half run."""
        folder = self.folder_of(uid)
        (folder / RECORD).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
