"""Writing below an export's folder, local or in an object store: beside the target, then renamed, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import IO, Any

from synapse_sdk.utils.converters.names import safe_name
from synapse_sdk.utils.object_store import ObjectUpload, abort_uploads, check_writable, store_errors

MAX_NAME_ATTEMPTS = 10_000
MARK_SUFFIX = ".unfinished"
# More than a file system keeps beside a file's name: writing it needs room on the disk.
_TRIAL_BYTES = 64 << 10


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


def prove_writable(root: Any) -> None:
    """Write below a target and take it back: what cannot be written is said before anything is gathered for it.

    Nothing is left, not even a folder that was missing.

    Raises:
        OSError: It cannot be written.
    """
    if is_s3(root):
        check_writable(root)
        return
    if not is_local(root):
        return
    try:
        _try_writing(root.absolute())
    except OSError as exc:
        said = f"Nothing can be written to {root}: {exc.strerror}. Change that, or choose another folder"
        raise OSError(exc.errno or errno.EIO, said) from exc


def _try_writing(root: Path) -> None:
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{nearest} is a file")
    # Permissions alone do not tell: the administrator has all of them, on a file system that takes no files too.
    if nearest == root:
        # Without a name: whoever is killed meanwhile leaves nothing.
        with tempfile.TemporaryFile(dir=root) as trial:
            _fill(trial)
        return
    with tempfile.TemporaryDirectory(prefix=".synapse-", dir=nearest) as spare:
        inside = Path(spare, root.relative_to(nearest))
        inside.mkdir(parents=True, exist_ok=True)
        with (inside / "trial").open("wb") as trial:
            _fill(trial)


def _fill(trial: IO[bytes]) -> None:
    trial.write(bytes(_TRIAL_BYTES))
    trial.flush()
    os.fsync(trial.fileno())


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


def make_folder(folder: Any) -> None:
    """Make a folder that is not there; in a store there is nothing to make, but it may be taken.

    Raises:
        FileExistsError: It is there.
        OSError: It cannot be made.
    """
    if is_local(folder):
        folder.mkdir()
        return
    with faults_of(folder, f"{folder.name} cannot be made"):
        # In a store a folder is seen when its first file is complete; the mark, as soon as somebody begins.
        is_taken = folder.exists() or mark_of(folder).exists()
    if is_taken:
        raise FileExistsError(folder)


def create_unique_folder(root: Any, name: str, make: Callable[[Any], None] = make_folder) -> Any:
    """Make `name`, or `name(1)`, `name(2)` … below `root`; never one that is there already.

    Args:
        root: Where.
        name: The folder's name.
        make: Makes a folder, and raises `FileExistsError` where there is one.

    Raises:
        OSError: It cannot be made.
    """
    base = safe_name(name, "export")
    if is_local(root):
        # In a store there are no folders to make, and a missing bucket is a mistake.
        root.mkdir(parents=True, exist_ok=True)
    for number in range(MAX_NAME_ATTEMPTS):
        folder = root / (base if number == 0 else f"{base}({number})")
        try:
            make(folder)
        except FileExistsError:
            continue
        except FileNotFoundError:
            if not is_local(root):
                raise
            # Another export has failed just now, and taken away the empty folder that it had made.
            root.mkdir(parents=True, exist_ok=True)
            make(folder)
        return folder
    raise FileExistsError(f"There are {MAX_NAME_ATTEMPTS} exports named {base!r}; choose another name.")


def mark_of(folder: Any) -> Any:
    """What lies beside a folder while an export is being written into it (`output.partial`)."""
    return folder.with_name(f".{folder.name}{MARK_SUFFIX}")


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
