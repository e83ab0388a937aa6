"""How many items a data set has, where that is quick to say: the remaining time needs a total, the import does not."""

from __future__ import annotations

from pathlib import Path

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters import Format
from synapse_sdk.utils.converters.voc.reader import find_annotations

_CHUNK_BYTES = 1 << 20


def count_items(fmt: Format, path: Path) -> int | None:
    """Items in the data set, or None when only reading it through would tell."""
    try:
        if fmt == Format.VOC:
            return sum(1 for _ in find_annotations(path).glob("*.xml"))
        if fmt == Format.JSONL and path.is_file():
            return _count_lines(path)
    except (OSError, FormatError):
        # The reader says what is wrong, with the right words.
        return None
    return None


def _count_lines(path: Path) -> int:
    lines = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            lines += chunk.count(b"\n")
    return lines
