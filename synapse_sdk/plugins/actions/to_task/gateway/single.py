"""Task by task, with the calls that every v1 server and every stand-in of a client knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from synapse_sdk.exceptions import ClientError, PreAnnotationError
from synapse_sdk.plugins.actions.to_task.gateway.base import Annotation, Outcome, TaskGateway, TaskWork
from synapse_sdk.plugins.actions.to_task.task_files import NO_FILES, unit_of


@dataclass
class SingleGateway(TaskGateway):
    """Fetches and submits each task by itself.

    Attributes:
        client: The v1 client.
        project: Id of the project.
        filters: Of the task list.
        batch_size: Tasks per page.
    """

    client: Any
    project: int
    filters: Mapping[str, Any]
    batch_size: int
    _ids: list[int] = field(default_factory=list, init=False)

    def count(self) -> int:
        params = {**self.filters, "fields": "id", "project": self.project}
        self._ids = sorted({int(row["id"]) for row in _rows_of(self.client.list_tasks(params=params, list_all=True))})
        return len(self._ids)

    def pages(self) -> Iterator[list[TaskWork]]:
        ids = iter(self._ids)
        while page := list(islice(ids, self.batch_size)):
            yield [TaskWork(task_id) for task_id in page]

    def load(self, work: TaskWork) -> None:
        task = self.client.get_task(work.task_id, params={"fields": "id,data,data_unit", "expand": "data_unit"})
        if not isinstance(task, Mapping):
            raise PreAnnotationError("Invalid task response")
        unit = unit_of(task)
        if not isinstance(unit, Mapping) or not unit.get("files"):
            unit_id = unit["id"] if isinstance(unit, Mapping) else unit
            unit = self.client.get_data_unit(unit_id, params={"expand": "files"})
            if not isinstance(unit, Mapping) or not unit.get("files"):
                raise PreAnnotationError(NO_FILES)
            task = {**task, "data_unit": unit}
        work.task = task

    def submit(self, results: Sequence[tuple[int, Annotation]]) -> list[Outcome]:
        return [self._submit_one(task_id, annotation) for task_id, annotation in results]

    def _submit_one(self, task_id: int, annotation: Annotation) -> Outcome:
        data = {"action": "submit", "data": msgspec.json.decode(annotation.payload)}
        try:
            self.client.annotate_task_data(task_id, data=data)
        except ClientError as exc:
            return Outcome(task_id, exc.reason)
        return Outcome(task_id)


def _rows_of(answer: Any) -> Any:
    """The rows of `(rows, count)`, of a page, or of a list."""
    if isinstance(answer, tuple):
        answer = answer[0]
    if isinstance(answer, Mapping):
        answer = answer.get("results")
    if answer is None or isinstance(answer, str):
        raise PreAnnotationError("Invalid task response")
    return answer
