"""Logs are events with fields, one JSON line each on standard error: `log_event("job_started", job_id=…)`.

One event per change of state, none per item; ids always, payloads never.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

LOGGER = logging.getLogger("synapse.events")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None)
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage() if fields is not None else "log",
        }
        if fields is None:
            event |= {"logger": record.name, "message": record.getMessage()}
        event |= fields or {}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(event, enc_hook=str).decode()


def configure_event_log(*also: str, stream: TextIO | None = None) -> None:
    """Write events to standard error; the loggers named in `also` follow, from warnings up."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonLines())
    for name in (LOGGER.name, *also):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO if name == LOGGER.name else logging.WARNING)


def log_event(event: str, **fields: object) -> None:
    """Something changed its state."""
    LOGGER.info(event, extra={"fields": fields})


def log_failure(event: str, error: BaseException, **fields: object) -> None:
    """Something failed; the stack trace goes to the log and nowhere else."""
    LOGGER.error(event, extra={"fields": fields}, exc_info=error)
