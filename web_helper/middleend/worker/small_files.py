"""Files that are there whole or not at all, written through `os` alone: a test can let every single write fail."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PRIVATE, READ_ONLY = 0o600, 0o444
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def write_new(path: Path, content: bytes, mode: int = READ_ONLY) -> None:
    """Write a file in the place of what is there; others that are linked to it keep theirs.

    Raises:
        OSError: The disk refused.
    """
    with suppress(FileNotFoundError):
        path.unlink()
    file = os.open(path, _NEW, mode)
    try:
        _write_all(file, content)
    finally:
        os.close(file)


def save_record(path: Path, content: bytes) -> None:
    """Write beside, flush, rename: the file is the old or the new one. For its owner only.

    Raises:
        OSError: The disk refused.
    """
    beside = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        beside.unlink()
    file = os.open(beside, _NEW, PRIVATE)
    try:
        _write_all(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    beside.replace(path)


def _write_all(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
