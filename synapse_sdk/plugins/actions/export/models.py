"""Counts and lists that an export keeps while it runs."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import IO

import msgspec

_MEMORY_BYTES = 1 << 20


@dataclass
class MetricsRecord:
    """How many files wait, are saved, or could not be saved. The three always add up to the items."""

    stand_by: int = 0
    success: int = 0
    failed: int = 0

    def to_dict(self) -> dict[str, int]:
        return asdict(self)

    def count(self, success: int, failed: int) -> None:
        """Count several at once."""
        self.stand_by -= success + failed
        self.success += success
        self.failed += failed

    def count_success(self) -> None:
        self.stand_by -= 1
        self.success += 1

    def count_failure(self) -> None:
        self.stand_by -= 1
        self.failed += 1


class ErrorList:
    """Append-only entries that move to a file when there are many: a million dead files must not fill the memory."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - lives with the list.
        weakref.finalize(self, self._file.close)
        self._count = 0

    def append(self, entry: list[str]) -> None:
        self._file.write(msgspec.json.encode(entry) + b"\n")
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[str]]:
        """The entries in order; do not append while iterating."""
        self._file.seek(0)
        try:
            for line in self._file:
                yield msgspec.json.decode(line)
        finally:
            self._file.seek(0, 2)
