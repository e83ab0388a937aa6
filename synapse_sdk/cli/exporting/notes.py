"""What an export leaves on this machine so that it can be resumed: a small file per server job, never a token.

It is written as soon as the server has taken the job, because a machine that dies writes nothing more.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec

from synapse_sdk.cli.failures import UsageError
from synapse_sdk.exceptions import ConfigurationError, ExportError
from synapse_sdk.utils import auth
from synapse_sdk.utils.file.private import OWNER_ONLY, write_all

_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
# Long after a bundle is gone, by any sensible setting of the server: nobody goes on with that.
_KEPT_SECONDS = 30 * 24 * 3600.0
_SHOWN = 5
_UNFINISHED = ".part"


def notes_folder() -> Path:
    """Where notes are kept: beside what `synapse login` keeps."""
    return auth.CONFIG_FILE.parent / "exports"


@dataclass
class ExportNote:
    """One unfinished export; locked while a process works on it.

    Attributes:
        job_id: The server's job.
        host: The server.
        params: The export's parameters.
        result: What a complete export came to; None while there is something to do.
    """

    job_id: str
    host: str
    params: dict[str, Any]
    result: dict[str, Any] | None = None
    _fd: int | None = field(default=None, repr=False)

    @classmethod
    def write(cls, job_id: str, host: str, params: dict[str, Any]) -> Self:
        """Keep a new note.

        Raises:
            OSError: It cannot be written.
        """
        note = cls(job_id, host, params)
        note._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_old()
        note._save()
        return note

    @classmethod
    def open(cls, job_id: str) -> Self:
        """The note of an export that was begun on this machine.

        Raises:
            UsageError: This is no job's id.
            ConfigurationError: There is no note of it, or it cannot be read.
            ExportError: Another process works on this export.
        """
        if not _JOB_ID.fullmatch(job_id):
            raise UsageError(f"--resume {job_id!r} is not the id of a job; `synapse job list` shows ids.")
        note = cls(job_id, "", {})
        try:
            note._lock()
            facts = msgspec.json.decode(note._path.read_bytes(), type=dict[str, Any])
            note.host, note.params, note.result = str(facts["host"]), dict(facts["params"]), facts.get("result")
        except FileNotFoundError as exc:
            raise ConfigurationError(_absent(job_id)) from exc
        except (OSError, msgspec.DecodeError, LookupError, TypeError, ValueError) as exc:
            note.close()
            raise ConfigurationError(f"{note._path} cannot be read ({exc}). Delete it and export again.") from exc
        return note

    def complete(self, result: dict[str, Any]) -> None:
        """Note that the export is whole: whoever goes on with it has only what lies beside it to take away.

        Raises:
            OSError: It cannot be written.
        """
        self.result = result
        self._save()

    def discard(self) -> None:
        """Remove the note: there is nothing left to resume."""
        self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let other processes work on the export."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @property
    def _path(self) -> Path:
        return notes_folder() / f"{self.job_id}.json"

    def _save(self) -> None:
        facts = {"job_id": self.job_id, "host": self.host, "params": self.params, "result": self.result}
        beside = self._path.with_name(f".{self.job_id}{_UNFINISHED}")
        created = _create_locked(beside)
        try:
            write_all(created, msgspec.json.format(msgspec.json.encode(facts), indent=2))
            os.fsync(created)
            beside.replace(self._path)
        except BaseException:
            # Half of one on a full disk would stay for ever.
            with suppress(OSError):
                beside.unlink()
            os.close(created)
            raise
        self.close()
        self._fd = created

    def _lock(self) -> None:
        # Two processes that resume one export would remove each other's folders.
        self._fd = os.open(self._path, os.O_RDONLY)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            self.close()
            raise ExportError(f"Another process of this machine is writing the export {self.job_id}.") from exc
        if not os.fstat(self._fd).st_nlink:
            # Whoever had it has completed the export meanwhile.
            self.close()
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))


def _create_locked(path: Path) -> int:
    """A new file, locked from the beginning: of one that nobody has locked, the writer is dead."""
    while True:
        created = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        try:
            fcntl.flock(created, fcntl.LOCK_EX)
        except OSError:
            # A file system without locks.
            os.close(created)
            path.unlink(missing_ok=True)
            raise
        if os.fstat(created).st_nlink:
            return created
        # Somebody who looks for what the dead have left was faster with the lock.
        os.close(created)


def _remove_old() -> None:
    """Remove notes that nobody came back for, and those half written; one that a process works on stays."""
    old = [path for path, written in _all_notes() if time.time() - written > _KEPT_SECONDS]
    for path in (*old, *notes_folder().glob(f".*{_UNFINISHED}")):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _all_notes() -> list[tuple[Path, float]]:
    """Notes and when they were written, the newest first."""
    found = []
    for path in notes_folder().glob("*.json"):
        # One that is complete by now is gone.
        with suppress(OSError):
            found.append((path, path.stat().st_mtime))
    return sorted(found, key=lambda note: note[1], reverse=True)


def _absent(job_id: str) -> str:
    others: list[str] = []
    with suppress(OSError):
        others = [path.stem for path, _ in _all_notes()]
    more = f" and {len(others) - _SHOWN} older ones" if len(others) > _SHOWN else ""
    known = f" Unfinished here: {', '.join(others[:_SHOWN])}{more}." if others else ""
    return (
        f"This machine knows of no unfinished export {job_id}: it is complete, or was begun elsewhere.{known} "
        "Export again to get a new one."
    )
