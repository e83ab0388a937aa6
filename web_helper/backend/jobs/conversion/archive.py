"""Packs an export's folder into one archive in a storage, with the SHA-256 of every file.

Equal folders give equal bytes: files go in by name, with one date.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from synapse_sdk.wire.dataset_exports import ArchivedFile, ArchiveFacts
from web_helper.backend.jobs.durable_files import write_whole

SUMS_NAME = "SHA256SUMS"
SHOWN_FILES = 200
_BLOCK = 1 << 20
_DATE = (1980, 1, 1, 0, 0, 0)
# Packed already: trying again costs time and saves nothing.
_PACKED = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".gz", ".parquet", ".zip", ".mp4"})

# Told how many bytes of how many are packed; ends the packing by an exception.
Report = Callable[[int, int], None]


class _Hashed:
    """A stream that only goes forward, with the SHA-256 of what went through it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, block: bytes) -> int:
        self._digest.update(block)
        self.size_bytes += len(block)
        self._stream.write(block)
        return len(block)

    def flush(self) -> None:
        self._stream.flush()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def pack_folder(folder: Path, target: Path, *, report: Report) -> ArchiveFacts:
    """Write the archive; it appears under its name when it is whole.

    Raises:
        OSError: The folder cannot be read, or the storage does not take the archive.
    """
    paths = sorted(_files_in(folder), key=lambda path: path.relative_to(folder).as_posix())
    total, done = sum(path.stat().st_size for path in paths), 0
    shown: list[ArchivedFile] = []
    sums: list[str] = []
    with write_whole(target) as stream:
        hashed = _Hashed(stream)
        with zipfile.ZipFile(cast("BinaryIO", hashed), "w") as archive:
            for path in paths:
                name = path.relative_to(folder).as_posix()
                size = path.stat().st_size
                sha256 = _add(archive, name, path, size)
                done += size
                report(done, total)
                sums.append(f"{sha256}  {name}\n")
                if len(shown) < SHOWN_FILES:
                    shown.append(ArchivedFile(path=name, size_bytes=size, sha256=sha256))
            archive.writestr(_entry(SUMS_NAME), "".join(sums))
    return ArchiveFacts(
        name=target.name, size_bytes=hashed.size_bytes, sha256=hashed.sha256, file_count=len(paths), files=shown
    )


def _files_in(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield Path(root, name)


def _add(archive: zipfile.ZipFile, name: str, path: Path, size: int) -> str:
    entry = _entry(name)
    # It says whether the entry needs the wide form of its sizes.
    entry.file_size = size
    digest = hashlib.sha256()
    with path.open("rb") as source, archive.open(entry, "w") as target:
        while block := source.read(_BLOCK):
            digest.update(block)
            target.write(block)
    return digest.hexdigest()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_STORED if Path(name).suffix.lower() in _PACKED else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
