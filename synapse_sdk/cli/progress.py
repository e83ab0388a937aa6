"""How far a long command is: a bar with rate and remaining time on a terminal, a plain line now and then otherwise."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from synapse_sdk.cli.output import plain, stderr_console

PLAIN_LINE_SECONDS = 5.0


class RateColumn(ProgressColumn):
    """Items per second, lately."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


class ItemProgress:
    """Counts items on stderr. `total` may be unknown: then there is a rate, but no remaining time.

    Args:
        label: What is being done.
        total: Items there are, or None.
    """

    def __init__(self, label: str, total: int | None = None) -> None:
        self._label = plain(label)
        self._total = total
        self._done = 0
        self._console = stderr_console()
        self._started = self._last_line = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                RateColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task(self._label, total=total)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def set_total(self, total: int) -> None:
        """How many items there are, when that comes to be known, or more than was thought."""
        self._total = total
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total)

    def advance(self, count: int) -> None:
        """So many more items are done."""
        self._done += count
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, count)
            return
        now = time.monotonic()
        if now - self._last_line >= PLAIN_LINE_SECONDS:
            self._last_line = now
            self.say(self._line(now))

    def say(self, text: str, *, style: str = "") -> None:
        """Print a line above the bar."""
        self._console.print(Text(plain(text), style=style))

    def _line(self, now: float) -> str:
        rate = self._done / max(now - self._started, 1e-9)
        if self._total is None:
            return f"{self._label}: {self._done:,} items, {rate:,.0f}/s"
        remaining = (self._total - self._done) / rate if rate else 0
        return f"{self._label}: {self._done:,} of {self._total:,} items, {rate:,.0f}/s, {max(remaining, 0):,.0f} s left"
