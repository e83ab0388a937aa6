"""The classes that a data set declares, with what only a declaration knows: ids, order, names of keypoints.

Classes that are merely used get their ids from the server, in order of appearance.
"""

from __future__ import annotations

from pathlib import Path

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters import Format
from synapse_sdk.utils.converters.coco.reader import find_files, read_categories
from synapse_sdk.wire.annotations import ClassDefinition


def read_declared_classes(fmt: Format, path: Path) -> list[ClassDefinition]:
    """Classes by ascending id; empty where the format declares none or the declaration cannot be read."""
    try:
        found = _read(fmt, path)
    except (FormatError, OSError):
        # The reader says what is wrong, with the right words.
        return []
    by_name: dict[str, ClassDefinition] = {}
    for definition in found:
        by_name.setdefault(definition.name, definition)
    classes = list(by_name.values())
    if len({definition.id for definition in classes}) < len(classes):
        return [each.model_copy(update={"id": number}) for number, each in enumerate(classes, 1)]
    return sorted(classes, key=lambda definition: definition.id)


def _read(fmt: Format, path: Path) -> list[ClassDefinition]:
    if fmt == Format.COCO:
        return [definition for file in find_files(path) for definition in read_categories(file)]
    return []
