"""Writing below an export's folder, local or in an object store: beside the target, then renamed, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from synapse_sdk.utils.converters.names import safe_name
from synapse_sdk.utils.object_store import ObjectUpload, abort_uploads, store_errors

MAX_NAME_ATTEMPTS = 10_000


def as_path(path: Any) -> Any:
    """A path object as it is, be it of another kind than `pathlib`; text as a local path."""
    return Path(path) if isinstance(path, str) else path


def is_local(path: Any) -> bool:
    """Whether a path is on this machine."""
    return isinstance(path, Path)


def is_s3(path: Any) -> bool:
    """Whether a path is in a store that speaks S3."""
    return "s3" in str(getattr(path, "protocol", ""))


def faults_of(path: Any, what: str) -> AbstractContextManager[None]:
    """Within the block, faults of an S3 store are an `OSError` in words, as those of a folder are.

    Args:
        path: Where something is done.
        what: What could then not be done.
    """
    return store_errors(what) if is_s3(path) else nullcontext()


def write_whole(target: Any, chunks: Iterable[bytes]) -> int:
    """Write a file completely, or leave nothing; answers its size.

    Raises:
        OSError: It cannot be written, for instance because the disk is full.
    """
    if not is_local(target):
        return _upload_whole(target, chunks)
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    size = 0
    try:
        with part.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
                size += len(chunk)
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    return size


def _upload_whole(target: Any, chunks: Iterable[bytes]) -> int:
    if not is_s3(target):
        with target.open("wb") as file:
            return sum(file.write(chunk) for chunk in chunks)
    upload = ObjectUpload(target)
    try:
        for chunk in chunks:
            upload.write(chunk)
        upload.close()
    finally:
        upload.discard()
    return upload.size_bytes


def create_unique_folder(root: Any, name: str) -> Any:
    """Make `name`, or `name(1)`, `name(2)` … below `root`; never one that is there already.

    Raises:
        OSError: It cannot be made.
    """
    base = safe_name(name, "export")
    if is_local(root):
        # In a store there are no folders to make, and a missing bucket is a mistake.
        root.mkdir(parents=True, exist_ok=True)
    for number in range(MAX_NAME_ATTEMPTS):
        folder = root / (base if number == 0 else f"{base}({number})")
        if not is_local(folder):
            with faults_of(folder, f"{folder.name} cannot be made"):
                if folder.exists():
                    continue
            return folder
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"There are {MAX_NAME_ATTEMPTS} exports named {base!r}; choose another name.")


def remove_folder(folder: Any) -> None:
    """Remove a folder with all that is in it; one that is gone is fine.

    Raises:
        OSError: Something in it cannot be removed.
    """
    if is_local(folder):
        if folder.exists():
            shutil.rmtree(folder)
        return
    if is_s3(folder):
        abort_uploads(folder)
    with faults_of(folder, f"{folder.name} cannot be removed"):
        if folder.exists():
            folder.fs.rm(folder.path, recursive=True)
