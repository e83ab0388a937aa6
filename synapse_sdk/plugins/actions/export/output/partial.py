"""Marks beside an unfinished export's folder, so that whoever resumes it finds what a killed process left behind.

In a store it is an object beside the folder's. There, too, complete files are seen while the export is none.

A mark lies beside the folder, not in it: an exporter may pack its folder, and the folder itself is told to be complete
by its `export.json`, which is written last.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from synapse_sdk.plugins.actions.export.output.files import (
    MARK_SUFFIX,
    create_unique_folder,
    faults_of,
    is_local,
    make_folder,
    mark_of,
    remove_folder,
)


def create_marked_folder(root: Any, name: str, job_id: str) -> Any:
    """A folder as `create_unique_folder` makes it, with its mark; whoever is killed meanwhile leaves neither for good.

    Raises:
        OSError: One of them cannot be made.
    """
    return create_unique_folder(root, name, partial(_make_marked if is_local(root) else _claim, job_id=job_id))


def _make_marked(folder: Path, job_id: str) -> None:
    # What will be the mark is there before the folder, under a name by which whoever goes on finds it.
    if folder.exists():
        raise FileExistsError(folder)
    begun = _begun_of(folder.parent, job_id)
    is_made = False
    try:
        begun.write_text(f"{job_id}\n{folder.name}\n", encoding="utf-8", errors="surrogateescape")
        folder.mkdir()
        is_made = True
        begun.replace(mark_of(folder))
    except BaseException:
        with suppress(OSError):
            begun.unlink()
        if is_made:
            folder.rmdir()
        raise


def _claim(folder: Any, job_id: str) -> None:
    """In a store whoever stores the mark first has the folder."""
    make_folder(folder)
    mark, claim = mark_of(folder), f"{job_id}\n{uuid4().hex}\n".encode()
    with faults_of(mark, f"{mark.name} cannot be written"):
        is_ours = _store_new(mark, claim)
        # Another export may be complete since the look at the folder: its mark is gone, and its files are there.
        if is_ours and folder.exists():
            mark.unlink()
            is_ours = False
    if not is_ours:
        raise FileExistsError(folder)


def _store_new(mark: Any, claim: bytes) -> bool:
    try:
        mark.fs.pipe_file(mark.path, claim, mode="create")
    except FileExistsError:
        # It is ours if it was stored, but the answer was lost and the request repeated.
        with suppress(FileNotFoundError):
            return bool(mark.read_bytes() == claim)
        return False
    return True


def _begun_of(root: Path, job_id: str) -> Path:
    return root / f".{job_id}{MARK_SUFFIX}.part"


def _remove_begun(root: Path, job_id: str) -> None:
    """Remove a folder that was made, but not marked yet: one with something in it belongs to somebody else."""
    begun = _begun_of(root, job_id)
    with suppress(FileNotFoundError):
        _, *names = begun.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        if len(names) > 1:
            with suppress(OSError):
                root.joinpath(Path(names[0]).name).rmdir()
        begun.unlink()


def unmark(folder: Any) -> None:
    """Take the mark away: the folder is complete, or gone.

    Raises:
        OSError: The mark cannot be removed.
    """
    mark = mark_of(folder)
    with faults_of(mark, f"{mark.name} cannot be removed"):
        if is_local(mark) or mark.exists():
            mark.unlink(missing_ok=True)


def remove_marks(root: Any, job_id: str) -> None:
    """Take the marks of this job's export below `root` away: what they stand beside is complete.

    Raises:
        OSError: One cannot be removed.
    """
    with faults_of(root, "marks of unfinished exports cannot be removed"):
        for mark in _marks_of(root, job_id):
            mark.unlink()


def remove_partials(root: Any, job_id: str) -> None:
    """Remove what a killed process left of this job's export below `root`; nothing else.

    Raises:
        OSError: Something in it cannot be removed.
    """
    with faults_of(root, "what an earlier attempt has left cannot be removed"):
        if is_local(root):
            _remove_begun(root, job_id)
        for mark in _marks_of(root, job_id):
            remove_folder(mark.with_name(mark.name[1:].removesuffix(MARK_SUFFIX)))
            mark.unlink()


def _marks_of(root: Any, job_id: str) -> list[Any]:
    if not is_local(root):
        # What the process that wrote it knew of the store is not what is there now.
        root.fs.invalidate_cache()
    return [mark for mark in root.glob(f".*{MARK_SUFFIX}") if _is_of(mark, job_id)]


def _is_of(mark: Any, job_id: str) -> bool:
    try:
        return bool(mark.read_bytes().partition(b"\n")[0] == job_id.encode())
    except FileNotFoundError:
        # Another export beside this one is complete by now.
        return False
