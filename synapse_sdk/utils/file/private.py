"""Small files that are there whole or not at all, written through `os` alone: a test can let every write fail."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

OWNER_ONLY = 0o600


def write_private(path: Path, content: bytes) -> None:
    """Write beside, flush, rename: the file is the old or the new one. For its owner only.

    Raises:
        OSError: The disk refused.
    """
    beside = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        beside.unlink()
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        write_all(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    beside.replace(path)


def write_all(file: int, content: bytes) -> None:
    """Write everything, in as many calls as that takes."""
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
