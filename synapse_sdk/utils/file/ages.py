"""Files and folders by their age, in folders that other threads and processes change."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def newest_first(paths: Iterable[Path]) -> list[Path]:
    """Paths by when they changed last; what somebody removes meanwhile is left out."""
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)]
