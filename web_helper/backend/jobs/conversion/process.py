"""The converting process, from the worker's side."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self


class ConversionProcess:
    """One child in a process group of its own, so that ending it ends the processes that it converts with.

    Args:
        order: What it shall do; it goes through a pipe, where no other process can read its key.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "web_helper.backend.jobs.conversion.child"]
        # What it logs goes to the worker's log.
        self._process = subprocess.Popen(  # noqa: S603 - this program, and nothing that anyone sent.
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        with suppress(BrokenPipeError):
            self._input.write(json.dumps(order) + "\n")
            self._input.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def messages(self) -> Iterator[dict[str, Any]]:
        """What it tells, until it has ended."""
        for line in self._process.stdout or ():
            yield json.loads(line)

    def stop(self) -> None:
        """End it and all its processes at once: what it has written is removed by its owner."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def _input(self) -> Any:
        return self._process.stdin
