"""A run's progress, step by step, on stderr: one bar per step on a terminal, a line now and then otherwise."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from synapse_sdk.cli.output import plain, stderr_console
from synapse_sdk.loggers import BaseLogger, LogEntry, ProgressData
from synapse_sdk.plugins.enums import LogLevel

PLAIN_LINE_SECONDS = 5.0

_STYLES = {
    LogLevel.WARNING: "yellow",
    LogLevel.DANGER: "red",
    LogLevel.ERROR: "red",
    LogLevel.CRITICAL: "red",
    LogLevel.SUCCESS: "green",
}
_MAX_PERCENT = 100.0


class StepDisplay(BaseLogger):
    """Shows what an action tells its logger. Messages to people appear above the bars; the rest is not shown."""

    def __init__(self) -> None:
        super().__init__()
        self._console = stderr_console()
        self._tasks: dict[str, TaskID] = {}
        self._steps: set[str] = set()
        self._last_line = time.monotonic()
        self._bars: Progress | None = None
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
            facts = TextColumn("{task.fields[facts]}", markup=False)
            self._bars = Progress(*columns, facts, console=self._console)

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.finish()
        if self._bars is not None:
            self._bars.stop()

    def _write_log(self, entry: LogEntry) -> None:
        text = entry.data.get("content") if entry.event == "message" else None
        if entry.level in {LogLevel.WARNING, LogLevel.ERROR, LogLevel.CRITICAL}:
            text = text or entry.data.get("message")
        if text:
            self._console.print(Text(plain(text), style=_STYLES.get(entry.level or LogLevel.INFO, "dim")))

    def _write_progress(self, step: str, progress: ProgressData) -> None:
        is_new = step not in self._steps
        self._steps.add(step)
        if is_new and progress.percent >= _MAX_PERCENT:
            # Skipped, or over in a moment: nothing that anyone would have waited for.
            return
        if self._bars is not None:
            if step not in self._tasks:
                self._tasks[step] = self._bars.add_task(plain(step), total=_MAX_PERCENT, facts="")
            self._bars.update(self._tasks[step], completed=progress.percent, facts=facts_of(progress))
            return
        now = time.monotonic()
        if now - self._last_line >= PLAIN_LINE_SECONDS:
            self._last_line = now
            self._console.print(Text(f"{plain(step)}: {progress.percent:.0f} % {facts_of(progress)}".rstrip()))

    def _write_metrics(self, step: str, metrics: dict[str, Any]) -> None:
        """Counts are in the summary at the end."""


def facts_of(progress: ProgressData) -> str:
    """How fast a step is and how long it takes from here, as far as it is known: `(1,234 items/s, 0:00:42 left)`."""
    known = [f"{progress.rate:,.0f} items/s"] if progress.rate else []
    if progress.time_remaining is not None and progress.percent < _MAX_PERCENT:
        known.append(f"{timedelta(seconds=round(progress.time_remaining))} left")
    return f"({', '.join(known)})" if known else ""
