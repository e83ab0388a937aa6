"""Checksums of files, read in chunks."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

CHUNK_BYTES = 2**20


def calculate_checksum(path: Any, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes.

    Args:
        path: A local path, or a path of any kind that can be opened (UPath).
        algorithm: A name that `hashlib` knows.

    Raises:
        OSError: The file cannot be read.
        ValueError: There is no such algorithm.
    """
    digest = hashlib.new(algorithm)
    with (Path(path) if isinstance(path, str) else path).open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
