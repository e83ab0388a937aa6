"""Folders that another process may be changing, as tests look at them: what vanishes meanwhile is left out."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder; unlike `rglob`, which raises where a folder vanishes while it looks."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def contents_below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder and what it holds."""
    for path in files_below(folder):
        # Sockets lie there, too.
        if path.is_file():
            with suppress(FileNotFoundError):
                yield path, path.read_bytes()


def size_below(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for path in files_below(folder):
        with suppress(FileNotFoundError):
            total += path.lstat().st_size
    return total
