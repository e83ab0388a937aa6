"""Loggers for a run that no server follows."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from synapse_sdk.loggers.base import DEFAULT_STEP, BaseLogger, LogEntry, ProgressData
from synapse_sdk.plugins.enums import LogLevel

SHOW_EVERY_SECONDS = 0.5
# A run may record an event per item; a person wants to see what they look like, and how many there were.
SHOWN_EVENTS = 3
_FOR_PEOPLE = frozenset({"message", *LogLevel})
_QUIET_LEVELS = frozenset({LogLevel.DEBUG, LogLevel.INFO})


class ConsoleLogger(BaseLogger):
    """Prints what a person can follow: all messages and problems, a few events of each kind, figures twice a second."""

    def __init__(self) -> None:
        super().__init__()
        self._events: Counter[str] = Counter()
        self._shown_at: dict[str, float] = {}
        self._shown: dict[str, str] = {}
        self._held: dict[str, str] = {}

    def _write_log(self, entry: LogEntry) -> None:
        if entry.event not in _FOR_PEOPLE and entry.level in _QUIET_LEVELS:
            self._events[entry.event] += 1
            if self._events[entry.event] > SHOWN_EVENTS:
                return
        attached = f" [{entry.file}]" if entry.file else ""
        _print(f"[{entry.level or 'info'}] {entry.event}: {_facts(entry.event, entry.data)}{attached}")

    def _write_progress(self, step: str, progress: ProgressData) -> None:
        name = "" if step == DEFAULT_STEP else f"{step} "
        left = f", about {progress.time_remaining:.0f} s left" if progress.time_remaining else ""
        failed = " (failed)" if progress.status == "failed" else ""
        line = f"[progress] {name}{progress.percent:.0f} %{left}{failed}"
        self._show(f"progress {step}", line, is_last=progress.status != "running")

    def _write_metrics(self, step: str, metrics: dict[str, Any]) -> None:
        self._show(f"metrics {step}", f"[metrics] {step}: {_pairs(metrics)}", is_last=False)

    def _show(self, figure: str, line: str, *, is_last: bool) -> None:
        now = time.monotonic()
        self._held[figure] = line
        if is_last or now - self._shown_at.get(figure, -SHOW_EVERY_SECONDS) >= SHOW_EVERY_SECONDS:
            self._shown_at[figure] = now
            self._show_held(figure)

    def _show_held(self, figure: str) -> None:
        line = self._held.pop(figure)
        if self._shown.get(figure) != line:
            self._shown[figure] = line
            _print(line)

    def _close(self) -> None:
        for figure in list(self._held):
            self._show_held(figure)
        for event, count in self._events.items():
            if count > SHOWN_EVENTS:
                _print(f"[info] {event}: {count - SHOWN_EVENTS} more like these")


class NoOpLogger(BaseLogger):
    """Keeps progress and metrics readable, and shows nothing."""

    def _write_log(self, entry: LogEntry) -> None: ...

    def _write_progress(self, step: str, progress: ProgressData) -> None: ...

    def _write_metrics(self, step: str, metrics: dict[str, Any]) -> None: ...


def _print(line: str) -> None:
    # A character the terminal cannot show, or a reader that has gone, must not stop the job.
    encoding = sys.stdout.encoding or "utf-8"
    with contextlib.suppress(OSError):
        sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()


def _facts(event: str, data: Mapping[str, Any]) -> str:
    text = data.get("content") if event == "message" else data.get("message")
    return str(text) if text is not None else _pairs(data)


def _pairs(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in data.items())
