"""A small data set in which everything is wrong that people have reported, put into the tables as it would lie there.

The API refuses some of it today; data from before, from a schema that was changed, or from a script with its own
connection does not ask.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from web_helper.backend.core.database import Database
from web_helper.backend.models import (
    DataCollection,
    DataFile,
    DataUnit,
    DataUnitFile,
    FileStatus,
    Project,
    Storage,
    Task,
)

PROJECT = "hostile"
WIDTH, HEIGHT = 64, 48
SCHEMA = {
    "class_schema": {"classes": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog", "keypoints": ["nose", "tail"]}]}
}


def box(x: float = 10, y: float = 12, w: float = 20, h: float = 15, **more: Any) -> dict[str, Any]:
    return {"type": "bbox", "category": "cat", "bbox": [x, y, w, h], **more}


def outline(*parts: list[float], **more: Any) -> dict[str, Any]:
    return {"type": "polygon", "category": "dog", "segmentation": list(parts), **more}


SQUARE, INNER, FAR = [5, 5, 40, 5, 40, 40, 5, 40], [15, 15, 25, 15, 25, 25, 15, 25], [45, 5, 60, 5, 60, 20, 45, 20]
# A mask with a hole, in columns of 48: two columns, each with a gap in its middle.
HOLED = {"size": [HEIGHT, WIDTH], "counts": [480, 10, 5, 10, 23, 10, 5, 10, 48 * 64 - 480 - 73]}


@dataclass(frozen=True)
class Item:
    """One row; `annotations` None is an item that nobody ever opened.

    Attributes:
        why: What is wrong, and how tests find it.
        is_missing: The original's bytes are gone.
    """

    why: str
    name: str
    annotations: list[dict[str, Any]] | None
    size: tuple[int | None, int | None] = (WIDTH, HEIGHT)
    is_missing: bool = False


ITEMS = (
    Item("plain", "a.png", [box(id=1)]),
    Item("equal name", "a.png", [box(2, 2, 9, 9, id=1)]),
    Item("equal but for case", "A.PNG", [box(3, 3, 9, 9, id=1)]),
    Item("equal stem", "a.jpg.png", [box(id=1)]),
    Item("leads out", "../../etc/passwd.png", [box(id=1)]),
    Item("dots", "..", [box(id=1)]),
    Item("unicode", "사진 \u202eü e\u0301.png", [box(id=1)]),
    Item("reserved", "CON.png", [box(id=1)]),
    Item("control", "line\nbreak\x00.png", [box(id=1)]),
    Item("long", "x" * 300 + ".png", [box(id=1)]),
    Item("turned", "turned.png", [box(id=1, type="rotated_bbox", rotation=30.0), box(30, 20, 10, 8, id=2)]),
    Item("empty", "empty.png", []),
    Item("never opened", "never.png", None),
    Item("no area", "flat.png", [box(10, 10, 0, 5, id="flat"), box(id="sound")]),
    Item("line as polygon", "line.png", [outline([5, 5, 20, 20, 40, 40], id="line"), box(id="sound")]),
    Item("several parts", "parts.png", [outline(SQUARE, FAR, id=1)]),
    Item("hole in polygon", "ring.png", [outline(SQUARE, INNER, id=1)]),
    Item("hole in mask", "mask.png", [{"id": 1, "type": "mask", "category": "dog", "segmentation": HOLED}]),
    Item("ids 0 and twice", "ids.png", [box(id=0), box(1, 1, 5, 5, id=0), box(9, 9, 6, 6, id=4), box(30, 9, 6, 6, id=4)]),
    Item("same box twice", "twice.png", [box(id=1), box(id=2)]),
    Item("unknown class", "class.png", [box(id="stranger", category="unicorn"), box(id="known")]),
    Item("outside", "outside.png", [box(100, 100, 5, 5, id="outside"), box(50, 40, 30, 30, id="over the edge")]),
    Item("broken numbers", "broken.png", [box(-5, -5, -3, 4, id="negative"), box(id="sound")]),
    Item("no size", "size.png", [box(id=1)], size=(None, None)),
    Item("points", "points.png", [
        {"id": 1, "type": "keypoints", "category": "dog", "bbox": [5, 5, 30, 30], "keypoints": [9, 9, 2, 20, 20, 1]},
        {"id": "three", "type": "keypoints", "category": "dog", "bbox": [5, 5, 30, 30],
         "keypoints": [9, 9, 2, 20, 20, 1, 5, 5, 2]},
    ]),
    Item("polyline", "way.png", [{"id": "way", "type": "polyline", "category": "cat", "segmentation": [[1, 1, 9, 9]]}]),
    Item("classification", "kind.png", [{"id": "kind", "type": "classification", "category": "cat"}]),
    Item("original gone", "gone.png", [box(id=1)], is_missing=True),
)  # fmt: skip
MISSING = sum(item.is_missing for item in ITEMS)


def put_into(database: Database, storage_folder: Path) -> dict[str, int]:
    """Insert project, units, files and tasks; ids of the tasks by what is wrong with them."""
    with database.write() as session:
        collection = DataCollection(name=PROJECT)
        session.add(collection)
        session.flush()
        project = Project(name=PROJECT, data_collection_id=collection.id, configuration=SCHEMA)
        session.add(project)
        session.flush()
        storage = session.scalars(select(Storage).where(Storage.is_default)).one()
        ids = {}
        for number, item in enumerate(ITEMS):
            unit = DataUnit(data_collection_id=collection.id, name=item.name, width=item.size[0], height=item.size[1])
            session.add(unit)
            session.flush()
            _add_file(session, storage, storage_folder, (number, item, unit))
            data = None if item.annotations is None else msgspec.json.encode({"annotations": item.annotations}).decode()
            task = Task(project_id=project.id, data_unit_id=unit.id, data=data)
            session.add(task)
            session.flush()
            ids[item.why] = task.id
        return ids


def _add_file(session: Session, storage: Storage, folder: Path, what: tuple[int, Item, DataUnit]) -> None:
    number, item, unit = what
    drawn = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (number, 77, 33)).save(drawn, "PNG")
    content = drawn.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    path = f"data/{sha256[:2]}/{sha256}.png"
    file = DataFile(
        storage_id=storage.id, sha256=sha256, size_bytes=len(content), path=path, status=FileStatus.CONFIRMED
    )
    session.add(file)
    session.flush()
    role = {"specification": "image", "is_primary": True, "file_name_original": item.name}
    session.add(DataUnitFile(data_unit_id=unit.id, data_file_id=file.id, **role))
    if not item.is_missing:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
