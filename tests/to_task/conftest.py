from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from synapse_sdk.plugins.actions.to_task import FileToTaskAction
from tests.export.platform import Platform, open_installation
from tests.export.support import make_ctx


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    with open_installation(tmp_path_factory.mktemp("to-task")) as installation:
        yield installation


@dataclass
class Place:
    """A project on a real server, whose data units have an image and an annotation file each."""

    platform: Platform
    project: int
    collection: int

    @property
    def client(self) -> Any:
        return self.platform.ctx().client

    def add(self, pairs: list[tuple[Path, Path]], *, size: tuple[int, int] | None = None) -> list[int]:
        """Upload an image and its annotation file each; answers the tasks."""
        items = [{"files": {"image": image, "labels": labels}} for image, labels in pairs]
        before = set(self.tasks())
        self.client.upload_data_collection(self.collection, items, project_id=self.project)
        return sorted(set(self.tasks()) - before)

    def tasks(self) -> list[int]:
        return [
            row["id"] for row in self.client.list_tasks({"project": self.project, "fields": "id"}, list_all=True)[0]
        ]

    def data(self, task_id: int) -> Any:
        return self.client.get_task(task_id, params={"expand": "data"})["data"]

    def run(self, action: Any = FileToTaskAction, *faults: Any, **params: Any) -> Any:
        job_id = params.pop("job_id", None)
        ctx = make_ctx(client=self.platform.ctx(*faults).client, job_id=job_id)
        base = {"name": "job", "project": self.project, "agent": 1, "target_specification_name": "labels"}
        result = action.dispatch(base | params, ctx)
        return result, ctx.logger


@pytest.fixture
def place(installation, tmp_path) -> Place:
    platform = Platform(installation, tmp_path / "exports")
    ctx = platform.ctx()
    name = str(tmp_path)[-150:]
    specifications = [{"name": "image", "is_primary": True}, {"name": "labels"}]
    collection = ctx.v2_client.data_collections.create(name=name, file_specifications=specifications)["id"]
    project = ctx.v2_client.projects.create(name=name, data_collection=collection)["id"]
    return Place(platform, project, collection)
