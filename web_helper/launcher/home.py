"""The folder of one installation: where its state, logs and the record of its running processes lie."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.file.private import write_private

DEFAULT_PORT = 8100
LOCK_SECONDS = 1.0


class RunRecord(msgspec.Struct, frozen=True):
    """What runs: written by the supervisor, read by `synapse status` and `synapse down`."""

    pid: int
    url: str
    children: dict[str, int] = msgspec.field(default_factory=dict)


class Home:
    """Paths inside one installation's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def admin_token_file(self) -> Path:
        return self.path / "admin.token"

    def create(self) -> None:
        """Make the folder, readable by its owner only: it holds a token and the data."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(exist_ok=True)

    def read_admin_token(self) -> str | None:
        try:
            return self.admin_token_file.read_text().strip() or None
        except FileNotFoundError:
            return None

    def save_admin_token(self, token: str) -> None:
        write_private(self.admin_token_file, f"{token}\n".encode())

    def save_run(self, record: RunRecord) -> None:
        write_private(self.path / "run.json", msgspec.json.encode(record))

    def running(self) -> RunRecord | None:
        """The record of the supervisor that holds this home's lock; None when nothing runs.

        The lock, not the process id, is the truth: ids are used again, a lock dies with its owner.
        """
        try:
            with (self.path / "run.lock").open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._read_run()
        except FileNotFoundError:
            pass
        return None

    def _read_run(self) -> RunRecord | None:
        try:
            return msgspec.json.decode((self.path / "run.json").read_bytes(), type=RunRecord)
        except FileNotFoundError:
            return None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this home for one supervisor.

        Raises:
            ConfigurationError: Another supervisor holds it.
        """
        with (self.path / "run.lock").open("w") as file:
            if not _lock_within(file, LOCK_SECONDS):
                raise ConfigurationError(
                    f"The platform in {self.path} runs already: `synapse status` shows it, `synapse down` stops it."
                )
            (self.path / "run.json").unlink(missing_ok=True)
            yield


def _lock_within(file: IO[str], seconds: float) -> bool:
    """Take the lock; `running` holds it for a moment while it looks."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True
