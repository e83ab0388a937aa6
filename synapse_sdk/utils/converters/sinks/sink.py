"""What a writer needs of the place that a data set goes to, and nothing more.

Paths are relative to the data set's root, with forward slashes. Writers hand over whole bytes in order; a sink never
holds a file in memory. Small whole files (`write`, `place`) may come in any order from several places, growing ones
(`open`, `open_joined`) from one.

The rules of a format are checked on the bytes that a writer hands over; a sink then answers for their arrival: closing
a growing file proves that what lies there is what was written. One that can be read back besides has a `folder`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A growing file, proven to be what was handed over."""

    size_bytes: int
    sha256: str


class Output(Protocol):
    """A file that grows. Nobody sees it before `close`, and never after `discard`."""

    def write(self, data: bytes, /) -> int:
        """Append.

        Raises:
            OSError: It cannot be written.
        """

    def close(self) -> None:
        """Complete the file, prove that it is what was written, and make it visible; a second call changes nothing.

        Raises:
            OSError: It cannot be completed, or is not what was written; then it is discarded.
        """

    def discard(self) -> None:
        """Give up the file, unless it is closed. Raises nothing: it is called when something else went wrong."""


class JoinedOutput(Output, Protocol):
    """A file of two parts that grow at the same time: `write` appends to the first, `write_later` to the second."""

    def write_later(self, data: bytes, /) -> int:
        """Append to the second part, which follows the first when the file is closed.

        Raises:
            OSError: It cannot be written.
        """


class Sink(Protocol):
    """Where the files of one data set go."""

    @property
    def folder(self) -> Path | None:
        """Where the files can be read back on this machine; None when they cannot."""

    @property
    def files(self) -> Mapping[str, WrittenFile]:
        """The growing files that are closed, by path: read back, or vouched for by the store's own checksum."""

    def make_folder(self, path: str) -> None:
        """Have a folder, even an empty one; nothing to do where there are no folders."""

    def open(self, path: str) -> Output:
        """Begin a file that grows.

        Raises:
            OSError: It cannot be made.
        """

    def open_joined(self, path: str) -> JoinedOutput:
        """Begin a file of two parts that grow at the same time.

        Raises:
            OSError: It cannot be made.
        """

    def write(self, path: str, data: bytes) -> None:
        """Write a small file whole.

        Raises:
            OSError: It cannot be written.
        """

    def place(self, path: str, source: Path, *, link: bool = False) -> None:
        """Put a copy of a file of this machine there.

        Args:
            path: Where to.
            source: The file; it stays.
            link: A hard link will do, where both are on one disk.

        Raises:
            OSError: It cannot be read or written.
        """

    def take_back(self, path: str) -> None:
        """Remove what was placed there: nothing will describe it.

        Raises:
            OSError: It cannot be removed.
        """

    def close(self) -> None:
        """Everything was written: complete what the place itself needs. Growing files are closed by their writer.

        A second call changes nothing.

        Raises:
            OSError: It cannot be completed.
        """

    def discard(self) -> None:
        """Give up what is unfinished. Whole files stay: who owns the place removes them."""
