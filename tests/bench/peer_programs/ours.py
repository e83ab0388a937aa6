"""This platform's converter: items in JSON lines to COCO, losses noted, the result read back and checked.

`python -m tests.bench.peer_programs.ours ITEMS.jsonl FOLDER`.
"""

import sys
from pathlib import Path

import msgspec

from synapse_sdk.utils.converters import create_writer, validate_dataset
from synapse_sdk.wire.annotations import ClassDefinition, ClassSchema
from tests.bench.items import CLASSES
from tests.bench.peer_programs.cost import told


def convert(items: Path, folder: Path) -> None:
    classes = ClassSchema(classes=[ClassDefinition(id=number, name=name) for number, name in enumerate(CLASSES, 1)])
    decode = msgspec.json.Decoder().decode
    with items.open("rb") as lines, create_writer("coco", folder, classes=classes) as writer:
        for line in lines:
            item = decode(line)
            writer.write(item, item["data_unit"]["name"])
    assert validate_dataset("coco", folder, written=writer.report).ok


if __name__ == "__main__":
    with told():
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
