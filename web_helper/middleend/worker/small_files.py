"""Files that are never changed in their place, written through `os` alone: a test can let every write fail."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from synapse_sdk.utils.file.private import write_all

READ_ONLY = 0o444
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
        write_all(file, content)
    finally:
        os.close(file)
