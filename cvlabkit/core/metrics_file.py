"""`metrics.jsonl`: one JSON object per line, there for readers as soon as it is written.

After an interruption the file goes on where the checkpoint does, so it ends as if nothing had happened.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO


class Recorder(Protocol):
    """Takes the rows of a run."""

    def begin(self, epoch: int) -> None:
        """The run goes on after this epoch; rows of later ones are written again."""

    def write(self, row: Mapping[str, float]) -> None:
        """One row."""


class MetricsFile:
    """Rows as lines of a file.

    Args:
        path: Its folder must be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def begin(self, epoch: int) -> None:
        """Keep the rows up to this epoch; whatever follows was never followed by a checkpoint."""
        self.close()
        lines = self._path.read_bytes().splitlines(keepends=True) if self._path.exists() else []
        part = self._path.with_name(f".{self._path.name}.part")
        part.write_bytes(b"".join(line for line in lines if (found := _epoch_of(line)) is not None and found <= epoch))
        part.replace(self._path)
        self._file = self._path.open("a", encoding="utf-8")

    def write(self, row: Mapping[str, float]) -> None:
        """One line, flushed. What is no finite number is null: JSON has no other word for it."""
        assert self._file is not None, "begin comes first"
        plain = {key: value if math.isfinite(value) else None for key, value in row.items()}
        self._file.write(json.dumps(plain) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _epoch_of(line: bytes) -> int | None:
    """The epoch of a row; None when the row was cut off by a crash."""
    try:
        row: Any = json.loads(line)
    except ValueError:
        return None
    is_whole = line.endswith(b"\n") and isinstance(row, dict) and isinstance(row.get("epoch"), int)
    return row["epoch"] if is_whole else None
