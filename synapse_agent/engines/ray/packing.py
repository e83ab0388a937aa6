"""What travels to a cluster: a folder as a zip that is the same for the same content."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

MAX_PACKAGE_BYTES = 500 * 2**20
LEFT_OUT = frozenset({"__pycache__", ".git", ".venv"})
# Before this year a zip knows no time.
_TIME = (1980, 1, 1, 0, 0, 0)


class PackageTooLargeError(OSError):
    """Ray takes no package of this size."""


def pack(folders: Mapping[str, Path], files: Mapping[str, bytes]) -> bytes:
    """A zip of folders and files, by their names in it.

    Raises:
        PackageTooLargeError: It holds more than Ray takes.
        OSError: A file cannot be read.
    """
    target, size = io.BytesIO(), 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in _members(folders):
            size += path.stat().st_size
            if size > MAX_PACKAGE_BYTES:
                raise PackageTooLargeError(f"the release is larger than the {MAX_PACKAGE_BYTES} bytes that Ray takes")
            _add(archive, name, path.read_bytes(), path.stat().st_mode)
        for name, content in sorted(files.items()):
            _add(archive, name, content, 0o600)
    return target.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (mode & 0o777) << 16
    archive.writestr(entry, content)


def _members(folders: Mapping[str, Path]) -> Iterable[tuple[str, Path]]:
    for prefix, folder in sorted(folders.items()):
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if path.is_file() and not LEFT_OUT & set(parts):
                yield "/".join((prefix, *parts) if prefix else parts), path
