"""A queue of JSON lines in a file: written by the job, emptied by its sender.

A file, because a server may be down for longer than memory lasts, and because a job that is killed must not take its
last words with it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

SPOOL_FOLDER = Path(".synapse") / "spool"
MAX_BATCH_LINES = 1000
MAX_BATCH_BYTES = 1 << 20


def default_spool_folder() -> Path:
    """Where unsent log entries are kept: in the home folder, or in a fresh temporary one when that is read-only."""
    folder = Path.home() / SPOOL_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="synapse-spool-"))


class Spool:
    """One job's queue. The file is locked while it is open, and removed when it is closed empty.

    Args:
        path: The file; made when it does not exist.

    Raises:
        OSError: It cannot be opened, or another process has it open (BlockingIOError).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._offset = 0
        self._lock = threading.Lock()
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise

    @classmethod
    def create(cls, folder: Path, job_id: str) -> Spool:
        """Make the queue of a new run."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', job_id)[:64]}-{uuid.uuid4().hex[:8]}.jsonl")

    @classmethod
    def open_leftovers(cls, folder: Path) -> Iterator[Spool]:
        """Open, one after the other, the queues of runs that have ended without sending everything."""
        for path in sorted(folder.glob("*.jsonl")):
            try:
                yield cls(path)
            except BlockingIOError:  # Its run is still alive and sends by itself.
                continue

    def append(self, line: bytes) -> None:
        """Add a line at the end.

        Raises:
            OSError: It cannot be written; nothing of it is kept.
        """
        with self._lock:
            written = os.write(self._fd, line + b"\n")
            if written != len(line) + 1:  # The disk is full; half a line would spoil the next.
                os.ftruncate(self._fd, self._size() - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def peek(self) -> list[bytes]:
        """The oldest lines, as many as one request should carry."""
        with self._lock:
            chunk = os.pread(self._fd, MAX_BATCH_BYTES, self._offset)
            while chunk and b"\n" not in chunk:  # A single entry may be larger than a batch: it has a file attached.
                more = os.pread(self._fd, MAX_BATCH_BYTES, self._offset + len(chunk))
                if not more:
                    return []  # The last line of a run that was killed while it wrote.
                chunk += more
        return chunk[: chunk.rfind(b"\n") + 1].splitlines(keepends=True)[:MAX_BATCH_LINES]

    def drop(self, lines: list[bytes]) -> None:
        """Forget lines that `peek` gave; they have been sent."""
        with self._lock:
            self._offset += sum(map(len, lines))
            if self._offset == self._size():
                os.ftruncate(self._fd, 0)
                self._offset = 0

    def is_empty(self) -> bool:
        return not self.peek()

    def close(self) -> None:
        """Give the file up; it is removed when nothing is left in it."""
        if self.is_empty():
            self.path.unlink(missing_ok=True)
        else:
            self._forget_sent()
        os.close(self._fd)

    def _forget_sent(self) -> None:
        if self._offset:
            beside = self.path.with_suffix(".part")
            beside.write_bytes(os.pread(self._fd, self._size() - self._offset, self._offset))
            beside.replace(self.path)

    def _size(self) -> int:
        return os.fstat(self._fd).st_size
