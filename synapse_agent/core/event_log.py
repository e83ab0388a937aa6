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
