"""What tests need, made through the API where it is what a user would do, and in bulk through the tables elsewhere."""

import hashlib
import itertools
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.durable_files import write_whole
from web_helper.backend.models import (
    Assignment,
    DataFile,
    DataUnit,
    DataUnitFile,
    FileStatus,
    Member,
    Role,
    Storage,
    Tag,
    Task,
    User,
)
from web_helper.backend.services.authentication import add_token
from web_helper.backend.services.data.storages import open_root

# For tests of what no database has a say in.
SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

CLASSES = {"class_schema": {"classes": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}}


def boxes(*categories: str) -> dict:
    """Annotation data with one box per category."""
    return {
        "annotations": [
            {"id": number, "type": "bbox", "category": category, "bbox": [number, 2.5, 30, 40]}
            for number, category in enumerate(categories, 1)
        ]
    }


def stored(data: dict | None) -> str | None:
    """Annotation data as the server stores it."""
    return None if data is None else msgspec.json.encode(data).decode()


class Maker:
    """Makes rows and remembers nothing but counters."""

    def __init__(self, client: TestClient, database: Database, settings: Settings) -> None:
        self.client = client
        self.database = database
        self.settings = settings
        self._numbers = itertools.count(1)

    def project(self, name: str | None = None, configuration: dict | None = None) -> dict:
        body = {
            "name": name or f"project {next(self._numbers)}",
            "configuration": CLASSES if configuration is None else configuration,
        }
        answer = self.client.post("/v2/projects/", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]

    def units(self, project: dict, names: list[str], *, files: bool = False) -> list[int]:
        """Data units in the project's collection, each with one image when `files`."""
        with self.database.write() as session:
            units = [
                DataUnit(data_collection_id=project["data_collection_id"], name=name, width=640, height=480)
                for name in names
            ]
            session.add_all(units)
            session.flush()
            if files:
                self._add_files(session, units)
            return [unit.id for unit in units]

    def tasks(self, project: dict, count: int = 1, *, files: bool = False, **fields: Any) -> list[int]:
        """Tasks about new data units. `data` is a document; other fields go to the row."""
        names = fields.pop("names", None) or [f"unit {next(self._numbers)}.jpg" for _ in range(count)]
        data = stored(fields.pop("data", None))
        units = self.units(project, names, files=files)
        with self.database.write() as session:
            tasks = [Task(project_id=project["id"], data_unit_id=unit, data=data, **fields) for unit in units]
            session.add_all(tasks)
            session.flush()
            return [task.id for task in tasks]

    def assignments(self, project: dict, task_ids: list[int], **fields: Any) -> list[int]:
        """One assignment per task."""
        data = stored(fields.pop("data", None))
        with self.database.write() as session:
            rows = [Assignment(project_id=project["id"], task_id=task, data=data, **fields) for task in task_ids]
            session.add_all(rows)
            session.flush()
            return [row.id for row in rows]

    def tag(self, project: dict, name: str, *, tasks: list[int] = (), assignments: list[int] = ()) -> int:
        """A tag, put on tasks and assignments."""
        with self.database.write() as session:
            tag = Tag(project_id=project["id"], name=name)
            session.add(tag)
            rows = [session.get_one(Task, row_id) for row_id in tasks]
            rows += [session.get_one(Assignment, row_id) for row_id in assignments]
            for row in rows:
                row.tags.append(tag)
            session.flush()
            return tag.id

    def user(self, *, project: dict | None = None, role: Role | None = None, scopes: list[str] | None = None):
        """A user with a role in a project; answers the id and a client that acts for the user."""
        number = next(self._numbers)
        with self.database.write() as session:
            user = User(email=f"user{number}@example.org", name=f"User {number}")
            session.add(user)
            session.flush()
            if project is not None and role is not None:
                session.add(Member(project_id=project["id"], user_id=user.id, role=role))
            key = add_token(session, user.id, "test", scopes or ["read", "write"])[1]
            return user.id, self.client_with(key)

    def client_with(self, key: str) -> TestClient:
        """A client of the same app with another key."""
        headers = {"Authorization": f"Token {key}"}
        return TestClient(self.client.app, headers=headers, raise_server_exceptions=False)

    def _add_files(self, session: Any, units: list[DataUnit]) -> None:
        storage = session.query(Storage).filter_by(is_default=True).one()
        for unit in units:
            content = f"bytes of {unit.id}".encode()
            sha256 = hashlib.sha256(content).hexdigest()
            path = f"data/{sha256[:2]}/{sha256}.jpg"
            target = open_root(storage) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with write_whole(target) as stream:
                stream.write(content)
            file = DataFile(
                storage_id=storage.id, sha256=sha256, size_bytes=len(content), path=path, status=FileStatus.CONFIRMED
            )
            session.add(file)
            session.flush()
            session.add(
                DataUnitFile(
                    data_unit_id=unit.id,
                    data_file_id=file.id,
                    specification="image",
                    is_primary=True,
                    file_name_original=unit.name,
                )
            )
