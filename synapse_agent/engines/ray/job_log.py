"""Reads a job's log: between the marks of `driver.py` is what the run printed, behind them how it ended."""

from __future__ import annotations

import json
from typing import Any


class JobLog:
    """Takes a log in parts.

    Args:
        mark: What the marks of this run begin with.

    Attributes:
        ended: What the run said at its end; None until then.
    """

    def __init__(self, mark: str) -> None:
        self._begin, self._end = f"{mark}begin\n", f"{mark}end "
        self._waiting = ""
        self._has_begun = self._has_ended = False
        self.ended: dict[str, Any] | None = None

    def feed(self, text: str) -> str:
        """What the run printed, of a next part."""
        self._waiting += text
        if not self._has_begun:
            _, found, rest = self._waiting.partition(self._begin)
            if not found:
                return ""
            self._has_begun, self._waiting = True, rest
        printed = "" if self._has_ended else self._take_printed()
        if self._has_ended and self.ended is None and "\n" in self._waiting:
            line, _, self._waiting = self._waiting.partition("\n")
            self.ended = json.loads(line)
        return printed

    def _take_printed(self) -> str:
        printed, found, rest = self._waiting.partition(self._end)
        if found:
            self._has_ended, self._waiting = True, rest
            return printed
        # The beginning of a mark at the end of a part waits for the rest of it.
        start = printed.rfind(self._end[0], max(0, len(printed) - len(self._end) + 1))
        held = len(printed) - start if start >= 0 and self._end.startswith(printed[start:]) else 0
        self._waiting = printed[len(printed) - held :]
        return printed[: len(printed) - held]
