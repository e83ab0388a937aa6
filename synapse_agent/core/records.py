"""Small files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def save_record(path: Path, content: bytes) -> None:
    """Write beside and rename; readable for the owner only."""
    beside = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
