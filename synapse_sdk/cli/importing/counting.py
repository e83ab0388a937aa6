"""How many items a data set has, where that is quick to say: the remaining time needs a total, the import does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters import BadFile, Format
from synapse_sdk.utils.converters.sinks.shards import is_sharded
from synapse_sdk.utils.converters.voc.reader import find_annotations
from synapse_sdk.utils.converters.webdataset.reader import read_index
from synapse_sdk.utils.converters.yolo.description import read_description
from synapse_sdk.utils.converters.yolo.reader import list_images

_CHUNK_BYTES = 1 << 20


def count_items(fmt: Format, path: Path, images: Path | None = None) -> int | None:
    """Items in the data set, or None when only reading it through would tell (COCO, CSV)."""
    counter = _COUNTERS.get(fmt)
    try:
        root = path if path.is_dir() else path.parent
        if fmt is Format.WEBDATASET or is_sharded(fmt, root):
            return read_index(root).items
        return None if counter is None else counter(path, images)
    except (OSError, FormatError):
        # The reader says what is wrong, with the right words.
        return None


def _count_voc(path: Path, _images: Path | None) -> int:
    return sum(1 for _ in find_annotations(path).glob("*.xml"))


def _count_yolo(path: Path, images: Path | None) -> int:
    description = read_description(path, images)
    places = [place for places in description.splits.values() for place in places]
    found = (entry for place in places for entry in list_images(place, description.root))
    return sum(1 for entry in found if not isinstance(entry, BadFile))


def _count_jsonl(path: Path, _images: Path | None) -> int | None:
    if not path.is_file():
        return None
    lines = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            lines += chunk.count(b"\n")
    return lines


_COUNTERS: dict[Format, Callable[[Path, Path | None], int | None]] = {
    Format.VOC: _count_voc,
    Format.YOLO: _count_yolo,
    Format.JSONL: _count_jsonl,
}
