"""Loggers for a run that no server follows."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping
from typing import Any

from synapse_sdk.loggers.base import DEFAULT_STEP, BaseLogger, LogEntry, ProgressData

PROGRESS_EVERY_SECONDS = 0.5


class ConsoleLogger(BaseLogger):
    """Prints what a run does. Progress is printed twice a second at most, and when a step ends."""

    def __init__(self) -> None:
        super().__init__()
        self._last_progress: dict[str, float] = {}

    def _write_log(self, entry: LogEntry) -> None:
        attached = f" [{entry.file}]" if entry.file else ""
        self._print(f"[{entry.level or 'info'}] {entry.event}: {_facts(entry.event, entry.data)}{attached}")

    def _write_progress(self, step: str, progress: ProgressData) -> None:
        now = time.monotonic()
        is_recent = now - self._last_progress.get(step, -PROGRESS_EVERY_SECONDS) < PROGRESS_EVERY_SECONDS
        if is_recent and progress.status == "running":
            return
        self._last_progress[step] = now
        left = f", about {progress.time_remaining:.0f} s left" if progress.time_remaining else ""
        failed = " (failed)" if progress.status == "failed" else ""
        self._print(f"[progress] {'' if step == DEFAULT_STEP else step + ' '}{progress.percent:.0f} %{left}{failed}")

    def _write_metrics(self, step: str, metrics: dict[str, Any]) -> None:
        self._print(f"[metrics] {step}: {_pairs(metrics)}")

    @staticmethod
    def _print(line: str) -> None:
        # A character the terminal cannot show, or a reader that has gone, must not stop the job.
        encoding = sys.stdout.encoding or "utf-8"
        with contextlib.suppress(OSError):
            sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
            sys.stdout.flush()


class NoOpLogger(BaseLogger):
    """Keeps progress and metrics readable, and shows nothing."""

    def _write_log(self, entry: LogEntry) -> None: ...

    def _write_progress(self, step: str, progress: ProgressData) -> None: ...

    def _write_metrics(self, step: str, metrics: dict[str, Any]) -> None: ...


def _facts(event: str, data: Mapping[str, Any]) -> str:
    text = data.get("content") if event == "message" else data.get("message")
    return str(text) if text is not None else _pairs(data)


def _pairs(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in data.items())
