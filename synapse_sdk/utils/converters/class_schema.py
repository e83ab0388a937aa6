"""The classes that a data set on disk declares, so that an import keeps its numbers."""

from __future__ import annotations

from pathlib import Path

from synapse_sdk.utils.converters.coco.reader import find_files, read_categories
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.sinks.shards import is_sharded
from synapse_sdk.utils.converters.voc.reader import find_annotations
from synapse_sdk.utils.converters.webdataset.unpacking import ShardedFolder
from synapse_sdk.utils.converters.yolo.description import read_description
from synapse_sdk.wire.annotations import ClassDefinition, ClassSchema


def read_class_schema(fmt: Format, path: Path, images: Path | None = None) -> ClassSchema:
    """The declared classes, empty where a format declares none (VOC without `labelmap.txt`, CSV, JSONL).

    COCO keeps its category ids; YOLO's numbers from 0 become ids from 1.

    Raises:
        FormatError: There is no data set of that format, or its declaration makes no sense.
    """
    root = path if path.is_dir() else path.parent
    if is_sharded(fmt, root):
        held = ShardedFolder(root).describe()
        (held.path / "Annotations").mkdir()
        return read_class_schema(fmt, held.path)
    if fmt is Format.COCO:
        merged: dict[str, ClassDefinition] = {}
        for file in find_files(path):
            for definition in read_categories(file):
                merged.setdefault(definition.name, definition)
        return ClassSchema(classes=_with_own_ids(list(merged.values())))
    if fmt is Format.YOLO:
        description = read_description(path, images)
        shape = description.keypoint_shape
        points = [f"point_{i}" for i in range(1, shape[0] + 1)] if shape else None
        names = description.names
        return ClassSchema(classes=[ClassDefinition(id=i, name=n, keypoints=points) for i, n in enumerate(names, 1)])
    if fmt is Format.VOC:
        return ClassSchema(classes=[ClassDefinition(id=i, name=n) for i, n in enumerate(_label_map(path), 1)])
    return ClassSchema()


def _with_own_ids(definitions: list[ClassDefinition]) -> list[ClassDefinition]:
    """Files of one data set may contradict each other; then the order counts."""
    ids = {definition.id for definition in definitions}
    if len(ids) == len(definitions):
        return definitions
    return [definition.model_copy(update={"id": number}) for number, definition in enumerate(definitions, 1)]


def _label_map(path: Path) -> list[str]:
    file = find_annotations(path).parent / "labelmap.txt"
    if not file.is_file():
        return []
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    names = [line.split(":", 1)[0] for line in lines if line and not line.startswith("#")]
    return [name for name in dict.fromkeys(names) if name and name != "background"]
