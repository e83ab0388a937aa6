"""Unpacks archives that nobody vouches for: nothing lands outside the folder, and nothing grows without end."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from synapse_sdk.exceptions import ArchiveError

_BLOCK_BYTES = 1 << 20
_MAX_NAME_BYTES = 1024
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class UnpackLimits:
    """What an archive may hold.

    Attributes:
        max_files: Entries; each costs an inode.
        max_bytes: Bytes of all files together, unpacked.
        max_ratio: Unpacked bytes per packed byte of one file; honest text reaches about 20. Small files may be above.
        free_ratio_bytes: Files up to this size are not held to the ratio.
    """

    max_files: int = 20_000
    max_bytes: int = 2 * 2**30
    max_ratio: float = 200.0
    free_ratio_bytes: int = 10 * 2**20


def unpack_archive(archive: Path, folder: Path, limits: UnpackLimits | None = None) -> int:
    """Unpack a zip into a new folder.

    Args:
        archive: The zip.
        folder: Where to; made, and only filled when the archive is sound. What a failure leaves is the caller's to
            remove.
        limits: What it may hold.

    Returns:
        Bytes written.

    Raises:
        ArchiveError: It is no zip, is damaged, holds what leads out of the folder (absolute paths, `..`, links) or is
            no plain file, or more than the limits allow.
    """
    limits = limits or UnpackLimits()
    try:
        with zipfile.ZipFile(archive) as zipped:
            entries = zipped.infolist()
            _check(entries, limits)
            folder.mkdir(parents=True)
            return sum(_write(zipped, entry, folder) for entry in entries)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as exc:
        raise ArchiveError(f"The archive is damaged: {exc or type(exc).__name__}") from exc
    except OSError as exc:
        raise ArchiveError(f"The archive cannot be unpacked: {exc.strerror or exc}") from exc


def _check(entries: list[zipfile.ZipInfo], limits: UnpackLimits) -> None:
    if len(entries) > limits.max_files:
        raise ArchiveError(f"The archive holds {len(entries)} entries; at most {limits.max_files} are unpacked")
    if (total := sum(entry.file_size for entry in entries)) > limits.max_bytes:
        raise ArchiveError(f"The archive would unpack to {total} bytes; at most {limits.max_bytes} are written")
    names: set[str] = set()
    for entry in entries:
        _check_name(entry, names)
        is_large = entry.file_size > limits.free_ratio_bytes
        if is_large and entry.file_size > limits.max_ratio * max(entry.compress_size, 1):
            raise ArchiveError(f"{entry.filename!a} would grow more than {limits.max_ratio:g} times when unpacked")


def _check_name(entry: zipfile.ZipInfo, names: set[str]) -> None:
    name = entry.filename
    path = PurePosixPath(name)
    is_odd = "\\" in name or ":" in name or "\0" in name or len(name.encode()) > _MAX_NAME_BYTES
    if not path.parts or path.is_absolute() or ".." in path.parts or is_odd:
        raise ArchiveError(f"The archive holds {name!a}, a path that leads out of its folder or is no path")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise ArchiveError(f"{name!a} in the archive is a link or a device; only files and folders are unpacked")
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"{name!a} in the archive is encrypted")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ArchiveError(f"{name!a} in the archive is packed in a way that is not unpacked; use deflate")
    if path.as_posix() in names:
        raise ArchiveError(f"The archive holds {name!a} twice")
    names.add(path.as_posix())


def _write(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> int:
    target = folder / PurePosixPath(entry.filename)
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    mode = 0o755 if (entry.external_attr >> 16) & stat.S_IXUSR else 0o644
    with (
        zipped.open(entry) as source,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file,
    ):
        while block := source.read(_BLOCK_BYTES):
            written += len(block)
            # The header announced the size that the limits were held to.
            if written > entry.file_size:
                raise ArchiveError(f"{entry.filename!a} is larger than the archive says")
            file.write(block)
    return written
