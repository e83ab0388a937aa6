"""The replica's line to its agent: says how it is, hands out the listening socket, hears that it shall end.

A thread of its own, so that it answers while a model computes. An agent that was killed comes back and connects again;
where none comes back, the replica ends itself with everything it has started.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from synapse_agent.engines.serving.paths import short_path

TICK_SECONDS = 0.2
PUSH_SECONDS = 1.0


@dataclass
class ReplicaState:
    """How a replica is; written by its loop, read by its line.

    Attributes:
        beat: When its loop last showed life and its health check passed (monotonic).
    """

    phase: str = "starting"
    ongoing: int = 0
    served: int = 0
    problem: str = ""
    beat: float = 0.0

    def encode(self) -> bytes:
        facts = asdict(self)
        facts["silent_seconds"] = round(time.monotonic() - facts.pop("beat"), 2)
        return msgspec.json.encode(facts) + b"\n"


class ControlLine:
    """Listens on a Unix socket for the agent.

    Args:
        path: Of the socket.
        listener: The socket that all replicas of the application accept from.
        state: What is told.
        drain: Called, from the line's thread, when the replica shall end.
        orphan_seconds: How long the replica goes on without an agent.
    """

    def __init__(
        self,
        path: Path,
        listener: socket.socket,
        state: ReplicaState,
        *,
        drain: Callable[[], None],
        orphan_seconds: float,
    ) -> None:
        self._orphan_seconds = orphan_seconds
        self._listener = listener
        self._state = state
        self._drain = drain
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        with short_path(path) as address:
            self._server.bind(address)
        self._server.listen(2)
        self._agent: socket.socket | None = None
        self._pushed = b""
        self._pushed_at = 0.0
        self._alone_since = time.monotonic()

    def start(self) -> None:
        threading.Thread(target=self._run, name="control", daemon=True).start()

    def _run(self) -> None:
        while True:
            sockets = [self._server] if self._agent is None else [self._server, self._agent]
            ready, _, _ = select.select(sockets, [], [], TICK_SECONDS)
            if self._server in ready:
                self._take(self._server.accept()[0])
            elif self._agent is not None and self._agent in ready:
                self._hear(self._agent)
            self._push()
            if self._agent is None and time.monotonic() - self._alone_since > self._orphan_seconds:
                end_with_group()

    def _take(self, agent: socket.socket) -> None:
        if self._agent is not None:
            self._agent.close()
        agent.settimeout(2.0)
        self._agent, self._pushed_at = agent, 0.0

    def _hear(self, agent: socket.socket) -> None:
        try:
            words = agent.recv(4096)
        except OSError:
            words = b""
        if not words:
            self._lose()
            return
        for word in words.split(b"\n"):
            if word == b"listener":
                with suppress(OSError):
                    socket.send_fds(agent, [b"listener\n"], [self._listener.fileno()])
            elif word == b"drain":
                self._drain()

    def _push(self) -> None:
        now = time.monotonic()
        told = f"{self._state.phase} {self._state.problem}".encode()
        if self._agent is None or (told == self._pushed and now - self._pushed_at < PUSH_SECONDS):
            return
        try:
            self._agent.sendall(self._state.encode())
            self._pushed, self._pushed_at = told, now
        except OSError:
            self._lose()

    def _lose(self) -> None:
        if self._agent is not None:
            self._agent.close()
        self._agent, self._alone_since = None, time.monotonic()


def end_with_group() -> None:
    """End this process and whatever it has started, at once."""
    os.killpg(os.getpgrp(), signal.SIGKILL)
