"""v1: projects, tasks, assignments, tags and ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synapse_sdk.clients.backend.transport import Body, Params, Rows, V1Transport, item_path
from synapse_sdk.clients.pages import Results

if TYPE_CHECKING:
    from synapse_sdk.clients.backend.models import SetTagsRequest

_TASKS, _ASSIGNMENTS, _EVENTS = "sdk/tasks/", "sdk/assignments/", "sdk/ground_truth_events/"
# Whole lists are read in fewer, larger pages than a single page is.
_EXPORT_PAGE_SIZE = 500


class AnnotationClientMixin(V1Transport):
    """Work and its results.

    `list_*` answers one page (`{count, next, previous, results}`), or `(generator, count)` with `list_all=True`.
    `get_*s(filters)` answers `(generator, count)`, the generator fetching pages as it is read.
    """

    def get_project(self, project_id: int, *, params: Params | None = None) -> Any:
        return self._get(item_path("projects", project_id), params)

    def list_projects(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("projects/", list_all=list_all, params=params)

    def get_task(self, task_id: int, *, params: Params | None = None) -> Any:
        return self._get(item_path("tasks", task_id), params)

    def list_tasks(
        self, params: Params | None = None, url_conversion: Params | None = None, *, list_all: bool = False
    ) -> Any:
        return self._list(_TASKS, url_conversion, list_all=list_all, params=params)

    def create_tasks(self, data: Body | list[Body]) -> Any:
        """Make one task, or several."""
        return self._post("tasks/", data)

    def annotate_task_data(self, task_id: int, data: Body) -> Any:
        """Submit annotations of a task: `{"action": "submit", "data": {…}}`."""
        return self._put(item_path("tasks", task_id, "annotate_task_data/"), data)

    def set_tags_tasks(self, data: SetTagsRequest | Params) -> Any:
        """Add, remove or replace tags of tasks."""
        return self._post("tasks/set_tags/", data, repeatable=True)

    def get_task_tag(self, tag_id: int) -> Any:
        return self._get(item_path("task_tags", tag_id))

    def list_task_tags(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("task_tags/", list_all=list_all, params=params)

    def get_assignment(self, assignment_id: int, *, params: Params | None = None) -> Any:
        return self._get(item_path("assignments", assignment_id), params)

    def list_assignments(
        self, params: Params | None = None, url_conversion: Params | None = None, *, list_all: bool = False
    ) -> Any:
        return self._list(_ASSIGNMENTS, url_conversion, list_all=list_all, params=params)

    def set_tags_assignments(self, data: SetTagsRequest | Params) -> Any:
        """Add, remove or replace tags of assignments."""
        return self._post("assignments/set_tags/", data, repeatable=True)

    def list_ground_truths(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("ground_truths/", list_all=list_all, params=params)

    def list_ground_truth_events(
        self, params: Params | None = None, url_conversion: Params | None = None, *, list_all: bool = False
    ) -> Any:
        """One page, or with `list_all=True` all events as a sized iterable: `len(events)` is the count."""
        if not list_all:
            return self._list(_EVENTS, url_conversion, params=params)
        return Results(self, self._list_call(_EVENTS, params))

    def get_ground_truth_version(self, version_id: int) -> Any:
        return self._get(item_path("ground_truth_dataset_versions", version_id))

    def list_ground_truth_versions(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("ground_truth_dataset_versions/", list_all=list_all, params=params)

    def get_assignments(self, filters: Params | None = None) -> tuple[Rows, int]:
        """All assignments that match, with their annotations, and how many there are.

        Raises:
            ClientError: The first page could not be fetched; later pages raise while they are read.
        """
        return self._all(_ASSIGNMENTS, filters)

    def get_tasks(self, filters: Params | None = None) -> tuple[Rows, int]:
        """All tasks that match, with their annotations, and how many there are.

        Raises:
            ClientError: The first page could not be fetched; later pages raise while they are read.
        """
        return self._all(_TASKS, filters)

    def get_ground_truth(self, filters: Params | None = None) -> tuple[Rows, int]:
        """All ground truth events that match, with their annotations, and how many there are.

        Raises:
            ClientError: The first page could not be fetched; later pages raise while they are read.
        """
        return self._all(_EVENTS, filters)

    def get_assignments_stream(self, filters: Params | None = None) -> Rows:
        """All assignments that match, fetched as they are read; nothing is asked before."""
        yield from self._all(_ASSIGNMENTS, filters)[0]

    def count_assignments(self, filters: Params | None = None) -> int:
        """How many assignments match."""
        return self._count(_ASSIGNMENTS, filters)

    def count_tasks(self, filters: Params | None = None) -> int:
        """How many tasks match."""
        return self._count(_TASKS, filters)

    def count_ground_truth(self, filters: Params | None = None) -> int:
        """How many ground truth events match."""
        return self._count(_EVENTS, filters)

    def _all(self, path: str, filters: Params | None) -> tuple[Rows, int]:
        # Ascending: what is added meanwhile comes on later pages and moves no row to another page.
        defaults = {"page_size": _EXPORT_PAGE_SIZE, "ordering": "pgh_id" if path == _EVENTS else "id"}
        results = Results(self, self._list_call(path, {**defaults, **(filters or {})}))
        return iter(results), results.count
