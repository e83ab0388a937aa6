"""Files that are whole or absent, also after a power cut: written beside, synced, renamed.

An object store shows an object only when its upload has ended, so there the file is written in place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from web_helper.backend.services.data.objects import is_local, open_remote


@contextmanager
def write_whole(target: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes appear at `target` when the block ends well, and not at all when it does not."""
    if not is_local(target):
        with open_remote(target) as stream:
            yield stream
        return
    beside = target.with_name(f".{target.name}.part")
    try:
        with beside.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def carry_file(origin: Path, target: Path) -> bool:
    """Give a finished file a second place: by name only where the file system can. False: it was there already.

    Raises:
        OSError: There is no such file, or the storage did not take it.
    """
    if not is_local(target):
        remote: Any = origin
        if target.exists():
            return False
        remote.fs.copy(remote.path, target.path)  # type: ignore[attr-defined]
        return True
    try:
        os.link(origin, target)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:
        # A file system without links.
        with origin.open("rb") as reader, write_whole(target) as writer:
            shutil.copyfileobj(reader, writer)
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a local folder survive a power cut."""
    if not is_local(folder):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Delete a folder and all in it; harmless when it is gone already or another process deletes it too."""
    if is_local(folder):
        shutil.rmtree(folder, ignore_errors=True)
        return
    if folder.exists():
        for path in sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True):
            if path.is_file():
                path.unlink(missing_ok=True)
