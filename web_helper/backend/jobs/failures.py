"""What people read when an export job fails: what happened and what to do next; no path, no URL, no stack trace."""

from __future__ import annotations

import errno

from sqlalchemy.exc import SQLAlchemyError

from synapse_sdk.exceptions import StorageError
from web_helper.backend.core.problems import Problem

STORAGE_FULL = "The storage for export bundles is full. Free space, then start the export again."
STORAGE_REFUSED = (
    "The storage for export bundles could not be written or read. "
    "An administrator finds the reason in the worker's log; then start the export again."
)
DATABASE_FAILED = "The database did not answer while the bundle was being built. Start the export again."
ABANDONED = "The worker gave this job up. An administrator finds the reason in its log; then start the export again."
UNEXPECTED = "The export stopped because of a fault in the server ({kind}). Quote the job's id when you report it."
ASKER_GONE = "Whoever asked for this export is no user any more. Start the export again."
CHILD_ENDED = (
    "The process that converts the export ended early, perhaps because memory ran out. "
    "Resume the export; an administrator finds more in the worker's log."
)
BUNDLE_EXPIRED = "The bundle was kept for its time and then deleted. Start the export again to get a new one."

_FULL = {errno.ENOSPC, errno.EDQUOT}


def describe_failure(error: Exception) -> str:
    """The sentence for the job's row."""
    if isinstance(error, Problem):
        return error.message
    if isinstance(error, OSError) and error.errno in _FULL:
        return STORAGE_FULL
    if isinstance(error, OSError | StorageError):
        return STORAGE_REFUSED
    if isinstance(error, SQLAlchemyError):
        return DATABASE_FAILED
    return UNEXPECTED.format(kind=type(error).__name__)
