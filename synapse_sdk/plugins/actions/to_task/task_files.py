"""Which files of a task are meant: its primary file, and the one that holds annotations. Pure, over decoded answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synapse_sdk.exceptions import PreAnnotationError

NO_PRIMARY = "Primary file URL not found for task"
NO_TARGET = "Target specification file not found for task"
NO_TARGET_URL = "Target specification URL not found for task"
NO_UNIT = "Task does not have a data unit"
NO_FILES = "Data unit does not have files"

_SPECIFICATION_KEYS = ("specification", "specification_name", "name")
_NAME_KEYS = ("file_name_original", "filename", "name")


@dataclass(frozen=True)
class TaskFile:
    """A file by its address and the name that it came under."""

    url: str
    name: str
    sha256: str | None = None


def unit_of(task: Mapping[str, Any]) -> Any:
    """A task's data unit: an object, or its id where it was not expanded.

    Raises:
        PreAnnotationError: It has none.
    """
    unit = task.get("data_unit")
    if unit is None or unit == {}:
        raise PreAnnotationError(NO_UNIT)
    return unit


def primary_file(files: Any) -> TaskFile:
    """The first file that is primary and can be fetched.

    Raises:
        PreAnnotationError: There is none.
    """
    for _, file in _entries(files):
        if file.get("is_primary") and file.get("url"):
            return _task_file(file)
    raise PreAnnotationError(NO_PRIMARY)


def specification_file(files: Any, specification: str) -> TaskFile:
    """The file of a specification.

    Raises:
        PreAnnotationError: There is none, or it cannot be fetched.
    """
    for key, file in _entries(files):
        names = [key] if key is not None else [file.get(name) for name in _SPECIFICATION_KEYS]
        if specification in names:
            if not file.get("url"):
                raise PreAnnotationError(NO_TARGET_URL)
            return _task_file(file)
    raise PreAnnotationError(NO_TARGET)


def _entries(files: Any) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """Files with the key that they stand under; None in a list."""
    if not files or not isinstance(files, Mapping | list | tuple):
        raise PreAnnotationError(NO_FILES)
    pairs = files.items() if isinstance(files, Mapping) else ((None, file) for file in files)
    for key, file in pairs:
        if isinstance(file, Mapping):
            yield key, file


def _task_file(file: Mapping[str, Any]) -> TaskFile:
    name = next((file[key] for key in _NAME_KEYS if file.get(key)), "")
    return TaskFile(str(file["url"]), str(name), file.get("sha256"))
