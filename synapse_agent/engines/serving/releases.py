"""The engine's own copies of releases: what a run unpacked is swept away with the run, what is served must stay."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from uuid import uuid4

from synapse_sdk.exceptions import ConfigurationError

_LEFT_OUT = frozenset({"__pycache__", ".git", ".venv"})
_CHUNK_BYTES = 2**20


def keep_release(folder: Path, root: Path) -> Path:
    """Copy a release's folder, once per content; the same content has the same folder.

    Raises:
        ConfigurationError: The folder is not there, or cannot be read.
    """
    if not folder.is_dir():
        raise ConfigurationError("The release's folder is not on this host; deploy from a run on this agent.")
    try:
        kept = root / _content_of(folder)
        if not kept.exists():
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = root / f".{uuid4().hex}.part"
            shutil.copytree(folder, part, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
            part.rename(kept)
    except OSError as exc:
        raise ConfigurationError(f"The release cannot be kept on this host: {exc.strerror or exc}.") from exc
    return kept


def forget_releases(root: Path, used: Collection[Path]) -> None:
    """Delete the copies that nothing serves any more."""
    if root.is_dir():
        for folder in root.iterdir():
            if folder not in used:
                shutil.rmtree(folder, ignore_errors=True)


def _content_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(folder):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_mode & 0o111}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _LEFT_OUT:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.is_file():
            yield path
