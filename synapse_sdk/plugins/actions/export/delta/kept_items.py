"""The items of an export as they came from the server, kept beside it: `items.jsonl.gz`, a bundle's lines in order.

A converted data set cannot be merged with another: names, image ids and numbers of annotations are given out in the
order of items, and a format loses what it cannot carry. The lines can; converting them again gives the same bytes as a
whole export.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from synapse_sdk.exceptions import BundleError, ExportError
from synapse_sdk.plugins.actions.export.bundle import BundleSource
from synapse_sdk.wire.bundle import BundlePart

ITEMS_NAME = "items.jsonl.gz"
# Text that was compressed once is read seldom: fast beats small.
_LEVEL = 1
_UNFINISHED = ".part"


@dataclass(frozen=True)
class KeptFacts:
    """What an export's record says of its kept items; size and SHA-256 are those of the lines, not of the archive."""

    rows: int
    size_bytes: int
    sha256: str


class KeptItems:
    """Writes the lines that pass by; complete when `close` is called.

    Args:
        folder: The export's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._target = folder / ITEMS_NAME
        self._part = self._target.with_name(ITEMS_NAME + _UNFINISHED)
        self._digest, self._rows, self._size = hashlib.sha256(), 0, 0
        self._raw: IO[bytes] = self._part.open("wb")
        # No time and no name in the header: equal lines give equal bytes.
        self._file = gzip.GzipFile("", "wb", _LEVEL, self._raw, mtime=0)

    def add(self, lines: bytes) -> None:
        """Keep whole lines.

        Raises:
            OSError: It cannot be written.
        """
        self._file.write(lines)
        self._digest.update(lines)
        self._rows, self._size = self._rows + lines.count(b"\n"), self._size + len(lines)

    def close(self) -> KeptFacts:
        """Complete the file.

        Raises:
            OSError: It cannot be written.
        """
        self._file.close()
        self._raw.close()
        self._part.replace(self._target)
        return KeptFacts(self._rows, self._size, self._digest.hexdigest())

    def discard(self) -> None:
        """Give up the file. Raises nothing: it is called when something else went wrong."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._raw.close()
        self._part.unlink(missing_ok=True)


class KeepingSource:
    """A bundle whose lines are kept as they are read.

    Args:
        source: The bundle.
        kept: Where its lines go.
    """

    def __init__(self, source: BundleSource, kept: KeptItems) -> None:
        self._source, self._kept = source, kept

    @property
    def prefix(self) -> str:
        return self._source.prefix

    def read_manifest(self) -> bytes:
        return self._source.read_manifest()

    def open_part(self, part: BundlePart) -> AbstractContextManager[Iterator[bytes]]:
        return self._open(part)

    @contextmanager
    def _open(self, part: BundlePart) -> Iterator[Iterator[bytes]]:
        with self._source.open_part(part) as blocks:
            yield self._passing(blocks)

    def _passing(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for lines in blocks:
            self._kept.add(lines)
            yield lines


def read_kept_lines(folder: Path, facts: dict[str, Any] | None) -> Iterator[bytes]:
    """The kept lines of an export, checked against its record when the last has been read.

    Raises:
        ExportError: The export keeps none.
        BundleError: They are not those that the record describes.
    """
    if facts is None:
        raise ExportError(
            f"{folder} was exported without its items, so it cannot be brought up to date. Export with --keep-items."
        )
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(folder / ITEMS_NAME, "rb") as file:
            for line in file:
                digest.update(line)
                size += len(line)
                yield line
    except (OSError, EOFError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise BundleError(f"{folder / ITEMS_NAME} cannot be read ({reason}). Export again.") from exc
    if size != facts["size_bytes"] or digest.hexdigest() != facts["sha256"]:
        raise BundleError(f"{folder / ITEMS_NAME} is not what the export's record describes. Export again.")
