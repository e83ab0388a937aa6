"""Messages between an export and its worker processes: they lie in memory that both have; a pipe tells their size.

What is read is not copied, and a process waits for another only when it has nothing to read: never to write.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from typing import IO


class SharedPlace:
    """Memory for one message at a time; another process has it by the number of its file.

    Args:
        number: The number that this process has it by; a new file when there is none.
    """

    def __init__(self, number: int | None = None) -> None:
        self._file = _nameless_file() if number is None else _opened(number)
        self._memory: mmap.mmap | None = None

    @property
    def number(self) -> int:
        """The number that another process has it by, when it is handed on."""
        return self._file.fileno()

    def write(self, data: bytes) -> None:
        """Put a message there, in place of what was there before.

        Raises:
            OSError: There is no memory for it.
        """
        self._of_size(len(data))[: len(data)] = data

    def read(self, size: int) -> memoryview:
        """The message that is there, until another is written."""
        return memoryview(self._of_size(size))[:size]

    def close(self) -> None:
        """Give back what this process holds of it, as soon as nobody looks at it any more."""
        self._memory = None
        self._file.close()

    def _of_size(self, size: int) -> mmap.mmap:
        if self._memory is None or len(self._memory) < size:
            if os.fstat(self.number).st_size < size:
                os.ftruncate(self.number, size)
            self._memory = mmap.mmap(self.number, 0)
        return self._memory


def tell_size(pipe: int, size: int) -> None:
    """Say that a message is there.

    Raises:
        OSError: The other side is gone.
    """
    os.write(pipe, size.to_bytes(4, "little"))


def hear_size(pipe: int) -> int | None:
    """Wait for a message; None when the other side is gone."""
    heard = os.read(pipe, 4)
    return int.from_bytes(heard, "little") if len(heard) == 4 else None


def _nameless_file() -> IO[bytes]:
    if sys.platform == "linux":
        return _opened(os.memfd_create("synapse-blocks"))
    return tempfile.TemporaryFile(buffering=0)


def _opened(number: int) -> IO[bytes]:
    return open(number, "r+b", buffering=0)
