"""The agent's log: one JSON line per change of state on standard error; ids always, payloads never."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime


def log_event(event: str, **fields: object) -> None:
    """Something changed its state."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    sys.stderr.write(json.dumps({"time": moment, "event": event, **fields}, default=str) + "\n")
    sys.stderr.flush()


class DefectLog:
    """What nobody foresaw in a loop that goes on all the same: told once, until it goes well again or wrong otherwise.

    Args:
        event: How the log calls it.
        fields: Whom it is about.

    Attributes:
        kind: Of the last one; empty when it has gone well since.
    """

    def __init__(self, event: str, **fields: object) -> None:
        self._event, self._fields, self._message = event, fields, ""
        self.kind = ""

    def note(self, exc: Exception) -> None:
        """It went wrong."""
        told = type(exc).__name__, str(exc)
        if told != (self.kind, self._message):
            log_event(self._event, **self._fields, kind=told[0], message=told[1])
        self.kind, self._message = told

    def clear(self) -> None:
        """It went well."""
        self.kind = self._message = ""
