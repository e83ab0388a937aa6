"""Marks beside an unfinished export's folder, so that whoever resumes it finds what a killed process left behind.

In a store it is an object beside the folder's. There, too, complete files are seen while the export is none.

A mark lies beside the folder, not in it: an exporter may pack its folder, and the folder itself is told to be complete
by its `export.json`, which is written last.
"""

from __future__ import annotations

from typing import Any

from synapse_sdk.plugins.actions.export.output.files import (
    MARK_SUFFIX,
    faults_of,
    is_local,
    mark_of,
    remove_folder,
    write_whole,
)


def mark_partial(folder: Any, job_id: str) -> None:
    """Note beside a folder which job's export is being written into it.

    Raises:
        OSError: The mark cannot be written.
    """
    write_whole(mark_of(folder), [job_id.encode()])


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
        return bool(mark.read_bytes() == job_id.encode())
    except FileNotFoundError:
        # Another export beside this one is complete by now.
        return False
