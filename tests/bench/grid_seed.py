"""A project of many annotated tasks over a few pictures, written into the tables: `python -m tests.bench.grid_seed`."""

import argparse
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from PIL import Image, ImageDraw
from sqlalchemy import insert, select

from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.models import (
    DataCollection,
    DataFile,
    DataUnit,
    DataUnitFile,
    FileStatus,
    Member,
    Project,
    Role,
    Storage,
    Task,
    User,
)
from web_helper.backend.models.base import utc_now
from web_helper.backend.services.bootstrap import bootstrap
from web_helper.backend.services.data.objects import path_of_content

PICTURES = 64
WIDTH, HEIGHT = 640, 480
CLASSES = ("car", "person", "bicycle", "dog", "sign")
BATCH = 5000


def seed(home: Path, count: int) -> tuple[str, int]:
    """Prepare an installation in an empty folder; its key and the project's id."""
    settings = Settings(home=home)
    token = bootstrap(settings).token
    assert token is not None
    database = Database(settings.sqlalchemy_url)
    try:
        with database.write() as session:
            project = _project(session)
            files = _pictures(session, settings)
            for batch in _batches(count):
                _write(session, project, files, batch)
            return token, project.id
    finally:
        database.dispose()


def _project(session: Any) -> Project:
    collection = DataCollection(name="streets")
    session.add(collection)
    session.flush()
    classes = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    configuration = {"class_schema": {"classes": classes}}
    project = Project(name="streets", data_collection_id=collection.id, configuration=configuration)
    session.add(project)
    session.flush()
    user_id = session.scalars(select(User.id)).first()
    session.add(Member(project_id=project.id, user_id=user_id, role=Role.ADMIN))
    return project


def _pictures(session: Any, settings: Settings) -> list[int]:
    storage = session.scalars(select(Storage)).first()
    ids = []
    for number in range(PICTURES):
        content = _picture(Random(number))
        sha256 = hashlib.sha256(content).hexdigest()
        path = path_of_content(sha256)
        target = settings.storage_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        file = DataFile(
            storage_id=storage.id, sha256=sha256, size_bytes=len(content), path=path, status=FileStatus.CONFIRMED
        )
        session.add(file)
        session.flush()
        ids.append(file.id)
    return ids


def _picture(random: Random) -> bytes:
    image = Image.effect_noise((WIDTH, HEIGHT), 40).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = random.randrange(WIDTH - 90), random.randrange(HEIGHT - 90)
        color = tuple(random.randrange(256) for _ in range(3))
        draw.rectangle((x, y, x + random.randrange(30, 90), y + random.randrange(30, 90)), fill=color)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def _batches(count: int) -> Iterator[range]:
    for start in range(1, count + 1, BATCH):
        yield range(start, min(start + BATCH, count + 1))


def _write(session: Any, project: Project, files: list[int], numbers: range) -> None:
    now = utc_now()
    units = [
        {"id": number, "data_collection_id": project.data_collection_id, "name": f"street {number:06}.jpg",
         "width": WIDTH, "height": HEIGHT, "created": now}
        for number in numbers
    ]  # fmt: skip
    members = [
        {"data_unit_id": number, "data_file_id": files[number % len(files)], "specification": "image",
         "is_primary": True, "file_name_original": f"street {number:06}.jpg"}
        for number in numbers
    ]  # fmt: skip
    statuses = ("pending", "in_progress", "completed")
    tasks = [
        {"id": number, "project_id": project.id, "data_unit_id": number, "status": statuses[number % 3],
         "is_discarded": False, "data": _annotations(Random(number)), "meta": {}, "created": now}
        for number in numbers
    ]  # fmt: skip
    session.execute(insert(DataUnit), units)
    session.execute(insert(DataUnitFile), members)
    session.execute(insert(Task), tasks)


def _annotations(random: Random) -> str:
    annotations = []
    for number in range(1, random.randrange(3, 9)):
        x, y = random.randrange(WIDTH - 120), random.randrange(HEIGHT - 120)
        width, height = random.randrange(10, 120), random.randrange(10, 120)
        annotation: dict[str, Any] = {"id": number, "type": "bbox", "category": random.choice(CLASSES)}
        annotation["bbox"] = [x, y, width, height]
        if number % 3 == 0:
            corners = [x, y, x + width, y + height / 3, x + width * 0.7, y + height, x, y + height * 0.8]
            annotation |= {"type": "polygon", "segmentation": [corners]}
        annotations.append(annotation)
    return msgspec.json.encode({"annotations": annotations}).decode()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--tasks", type=int, default=100_000)
    arguments = parser.parse_args()
    print(*seed(arguments.home, arguments.tasks))
