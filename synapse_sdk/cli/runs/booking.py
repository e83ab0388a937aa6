"""A run that this terminal carries out and the server keeps: its job, what it prints, and how it ends."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ClientError, ConflictError
from synapse_sdk.utils.network import REDACTED, sanitize_error_message
from synapse_sdk.wire.jobs import JobStatus

MAX_CONSOLE_CHARACTERS = 1_000_000
# The server takes a console whole, so a long one is sent less often: this many characters a second at most.
CHARACTERS_PER_SECOND = 200_000
SEND_EVERY_SECONDS = 0.5


class BookedRun:
    """The job of one run.

    Args:
        client: The server that keeps it.
        action: Name of the action.
        params: Its parameters.
        show: Shows a line that the run prints.
        key: The key that it acts with, which no line of it shows or keeps.

    Raises:
        ClientError: The server does not take it.
    """

    def __init__(
        self,
        client: BackendClient,
        action: str,
        params: Mapping[str, Any],
        *,
        show: Callable[[str], None],
        key: str,
    ) -> None:
        wish = {"action": action, "params": dict(params), "status": JobStatus.RUNNING.value}
        self.id = str(client.create_job(wish)["id"])
        self._client, self._show, self._key = client, show, key
        self._lines: deque[str] = deque()
        self._size = self._added = self._sent = 0
        self._sent_at = time.monotonic()
        self._guard = threading.Lock()

    def print(self, line: str) -> None:
        """Take a line that the run prints; from any thread."""
        line = line.replace(self._key, REDACTED)
        self._show(line)
        with self._guard:
            self._lines.append(line)
            self._size += len(line)
            self._added += 1
            while self._size > MAX_CONSOLE_CHARACTERS:
                self._size -= len(self._lines.popleft())

    def send_console(self) -> None:
        """Send what the run has printed, if it is time to; a server that is away gets it later."""
        waited = time.monotonic() - self._sent_at
        if self._added > self._sent and waited >= max(SEND_EVERY_SECONDS, self._size / CHARACTERS_PER_SECOND):
            self._sent_at = time.monotonic()
            try:
                self._client.update_job(self.id, self._console())
            except ClientError:
                # The log of the run says already that the server is away; the next look tries again.
                self._sent = 0

    def end(self, status: JobStatus, *, result: Any = None, error: str | None = None) -> None:
        """Keep how the run ended.

        Raises:
            ClientError: The server does not take it.
        """
        said = None if error is None else sanitize_error_message(error)
        facts = {"status": status.value, "result": result, "error": said, **self._console()}
        change = {key: value for key, value in facts.items() if value is not None}
        try:
            self._client.update_job(self.id, change)
        except ConflictError:
            # It was stopped from elsewhere, which is what the server has then.
            self._client.update_job(self.id, {**change, "status": JobStatus.STOPPED.value})

    def _console(self) -> dict[str, str]:
        with self._guard:
            self._sent = self._added
            return {"console_logs": "".join(self._lines)} if self._lines else {}
