"""Whole pages at once, with a server of ours: hundreds of tasks per request, each request safe to send again."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.plugins.actions.to_task.gateway.base import Annotation, Outcome, TaskGateway, TaskWork
from synapse_sdk.wire.pre_annotations import PreAnnotationState


@dataclass
class BulkGateway(TaskGateway):
    """Fetches tasks with their files by pages and submits by batches, under a run that the server keeps.

    Attributes:
        client: The v1 client.
        run: Facts of the run (`synapse_sdk.wire.pre_annotations.PreAnnotationRunCreate`).
        filters: Of the task list.
        batch_size: Tasks per page.
    """

    client: BackendClient
    run: Mapping[str, Any]
    filters: Mapping[str, Any]
    batch_size: int

    def count(self) -> int:
        count = self.client.count_tasks({**self.filters, "project": self.run["project"]})
        if count:
            self.run_id = str(self.client.create_pre_annotation_run(self.run)["id"])
        return count

    def pages(self) -> Iterator[list[TaskWork]]:
        after_id = 0
        while True:
            page = self.client.list_pre_annotation_tasks(
                str(self.run_id), after_id=after_id, limit=self.batch_size, filters=self.filters
            )
            if not page["tasks"]:
                return
            after_id = page["tasks"][-1]["id"]
            yield self._works(page)

    def load(self, work: TaskWork) -> None:
        """Pages carry whole tasks."""

    def submit(self, results: Sequence[tuple[int, Annotation]]) -> list[Outcome]:
        items = [
            {"task": task_id, "version": annotation.version, "data": annotation.payload}
            for task_id, annotation in results
        ]
        answers = self.client.submit_pre_annotations(str(self.run_id), items)
        return [
            Outcome(answer["task"], answer["error"], is_skipped=answer["status"] == PreAnnotationState.EXISTS)
            for answer in answers
        ]

    def _works(self, page: Mapping[str, Any]) -> list[TaskWork]:
        done = frozenset(page["done"])
        contents = {sha256: base64.b64decode(text) for sha256, text in page["contents"].items()}
        specification = self.run.get("specification")
        return [
            TaskWork(task["id"], task, task["id"] in done, contents.get(_sha256_of(task, specification)))
            for task in page["tasks"]
        ]


def _sha256_of(task: Mapping[str, Any], specification: str | None) -> str:
    file = task["data_unit"]["files"].get(specification or "") or {}
    return str(file.get("sha256", ""))
