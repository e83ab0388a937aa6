"""Real data behind the blocks of the export seed."""

from typing import Any

from pydantic import BaseModel

from synapse_sdk.plugins.actions.export import BaseExportAction, BaseExporter
from tests.backend.factories import boxes
from tests.export.platform import Platform


class NoParams(BaseModel):
    filters: dict[str, Any] = {}


class PlainAction(BaseExportAction[NoParams]):
    """An action for blocks that are only a part of one."""

    def execute(self):
        return None


class Scene:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.ctx = platform.ctx()
        self.project = platform.make.project()
        self.filters = {"project": self.project["id"]}
        tasks = platform.make.tasks(self.project, 4, data=boxes("cat", "dog"), files=True, status="completed")
        self.assignments = platform.make.assignments(
            self.project, tasks, data=boxes("cat", "dog"), status_label="completed"
        )
        self.tasks = tasks

    def action(self, **params: Any) -> PlainAction:
        return PlainAction(NoParams(**params), self.ctx)

    def exporter(self) -> BaseExporter:
        return BaseExporter(self.ctx, iter(()), self.platform.outputs, name="out", count=0)

    def release_ground_truth(self) -> int:
        """Curate the completed work, release it, and answer the version's id."""
        datasets = self.ctx.v2_client.ground_truth_datasets
        dataset = datasets.create(project=self.project["id"], name="truth")
        datasets.collect(dataset["id"], {"status_label": "completed"})
        return datasets.release(dataset["id"], "1.0")["id"]
