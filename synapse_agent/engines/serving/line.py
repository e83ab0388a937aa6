"""The agent's end of the line to one replica; never waits."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from synapse_agent.engines.serving.paths import short_path

MAX_LINE_BYTES = 65_536


class ReplicaLine:
    """Hears how a replica is, and tells it to end.

    Attributes:
        told: What it said last: phase, problem, ongoing, served, silent_seconds.
        listener: The listening socket that it handed over, after `ask_listener`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._rest = b""
        self.told: dict[str, Any] = {}
        self.listener: int | None = None

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def open(self) -> bool:
        """Connect where the replica listens already."""
        if self._socket is None and self._path.exists():
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.settimeout(1.0)
            try:
                with short_path(self._path) as address:
                    line.connect(address)
            except OSError:
                line.close()
                return False
            line.setblocking(False)
            self._socket = line
        return self.is_open

    def listen(self) -> bool:
        """Take in what was said; whether anything was."""
        has_heard = False
        while self._socket is not None:
            try:
                words, fds, _, _ = socket.recv_fds(self._socket, MAX_LINE_BYTES, 1)
            except BlockingIOError:
                break
            except OSError:
                words, fds = b"", []
            if not words:
                self.close()
                break
            has_heard = True
            self.listener = fds[0] if fds else self.listener
            self._note(words)
        return has_heard

    def say(self, word: str) -> None:
        """Tell it something, if it can be told."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.send(f"{word}\n".encode())

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _note(self, words: bytes) -> None:
        *lines, self._rest = (self._rest + words).split(b"\n")
        for line in lines:
            if line.startswith(b"{"):
                with suppress(msgspec.DecodeError):
                    self.told = msgspec.json.decode(line)
