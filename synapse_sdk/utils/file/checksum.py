"""Checksums of files, read in chunks."""

from __future__ import annotations

import hashlib
from pathlib import Path

CHUNK_BYTES = 2**20


def calculate_checksum(path: str | Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes.

    Raises:
        OSError: The file cannot be read.
        ValueError: There is no such algorithm.
    """
    digest = hashlib.new(algorithm)
    with Path(path).open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
