"""What a terminal shows of a run: a bar with figures below the lines that come, or plain lines into a pipe."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from synapse_sdk.cli.output import plain
from synapse_sdk.loggers.base import DEFAULT_STEP

# Colours of what a plugin prints; everything else that could steer a terminal is shown as an escape.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class RunDisplay:
    """Shows one run on stderr: stdout stays free for its result."""

    def __init__(self) -> None:
        # The stream is held: what a run prints may be gathered by standing in for `sys.stderr`.
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._shown: dict[str, str] = {}
        self._live: Live | None = None
        self._figures: dict[str, Text] = {}
        self._status = self._step = ""
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
            )
            self._task = self._bar.add_task("", total=100)
            self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within the block the terminal is free for a question."""
        self.__exit__(None, None, None)
        try:
            yield
        finally:
            self.__enter__()

    def say(self, text: str, *, style: str = "") -> None:
        """Show a line of ours."""
        self._console.print(Text(text, style=style))

    def console(self, line: str) -> None:
        """Show a line that the run printed; it is not trusted with the terminal."""
        # A bar that draws itself again with carriage returns is shown as it was last.
        last = line.rstrip("\r\n").rpartition("\r")[2]
        self.say(plain(_COLOURS.sub("", last)))

    def status(self, status: str) -> None:
        """Show whether it waits, runs or has ended."""
        self._status = status
        if self._is_new("status", status) and self._live is None:
            self.say(f"status: {plain(status)}")
        self._describe()

    def progress(self, percent: float, step: str) -> None:
        """Show how far it is."""
        step = "" if step == DEFAULT_STEP else plain(step)
        line = f"progress: {percent:g} %" + (f" ({step})" if step else "")
        if self._live is None:
            if self._is_new("progress", line):
                self.say(line)
            return
        self._step = step
        self._describe()
        self._bar.update(self._task, completed=percent)

    def metrics(self, step: str, values: Mapping[str, Any]) -> None:
        """Show figures of a step."""
        text = json.dumps(values, ensure_ascii=False)
        name = f"metrics {plain(step)}"
        if self._live is not None:
            pairs = "  ".join(f"{key} {value}" for key, value in values.items())
            self._figures[step] = Text(f"{name}  {plain(pairs)}", style="cyan")
        elif self._is_new(name, text):
            self.say(f"{name}: {plain(text)}")

    def _is_new(self, name: str, value: str) -> bool:
        before, self._shown[name] = self._shown.get(name), value
        return before != value

    def _describe(self) -> None:
        if self._live is not None:
            self._bar.update(self._task, description=plain(f"{self._status} {self._step}".strip()))

    def _render(self) -> Group:
        # A run that no server keeps has no figures to draw.
        return Group(*self._figures.values(), *([self._bar] if self._status else []))
