"""How commands speak: data to stdout, everything else to stderr.

`--json` prints one JSON document on stdout and nothing besides, so that a script can read it. Text that came from data
(a file name, a class, a server's message) is never markup and never a terminal command.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# A table that goes into a pipe is not cut at 80 columns.
_PIPE_WIDTH = 10_000
# As the server writes a moment.
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)")


def open_closed_streams() -> None:
    """Let what is written to a stream that the caller has closed (`>&-`) go nowhere, instead of failing at its end.

    The first file that is opened gets the number of the closed stream: a child would print into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for as long as there is the process.


def plain(value: object) -> str:
    """A value as one safe line: control characters (a name can hold terminal commands) become visible escapes."""
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def stderr_console() -> Console:
    """A console on the current stderr; made anew, because tests and pipes replace the stream."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def stdout_console() -> Console:
    """A console on the current stdout; as wide as it likes when nobody looks at it."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def say(message: str, *, style: str = "") -> None:
    """Tell a person something, on stderr."""
    from rich.text import Text

    stderr_console().print(Text(message, style=style))


def warn(message: str) -> None:
    """Tell a person about something that did not go as they may expect."""
    say(f"Warning: {message}", style="yellow")


def print_json(data: Any) -> None:
    """Print one JSON document on stdout."""
    text = json.dumps(data, ensure_ascii=False, indent=2, default=_jsonable)
    # A file name need not be UTF-8; the bytes that are not leave as the escapes that JSON knows.
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "") -> None:
    """Print rows under headings on stdout; where there are none, tell the person what `empty` says instead."""
    from rich.table import Table
    from rich.text import Text

    cells = [[Text(plain(_readable(cell))) for cell in row] for row in rows]
    if empty and not cells:
        say(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*row)
    print_lines(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one per line, on stdout."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(Text(plain(name)), Text(plain(_readable(value))))
    print_lines(table)


def print_lines(table: Table) -> None:
    """Print a table without the blanks that pad its right edge."""
    console = stdout_console()
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def _readable(value: object) -> object:
    """A value of the server's for people: moments to the second, lists with commas, anything deeper as JSON."""
    if isinstance(value, str) and (moment := _MOMENT.fullmatch(value)):
        return f"{moment[1]} {moment[2]}"
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False, default=_jsonable) if isinstance(value, dict | list) else value


def _jsonable(value: object) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
