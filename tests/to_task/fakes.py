"""A v1 client in memory that knows the documented calls, and nothing else."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from synapse_sdk.exceptions import NotFoundError
from tests.export.support import RememberingLogger, make_ctx

RELEASE = {
    "id": 7,
    "version": "1.2.0",
    "config": {"code": "finder", "actions": {"inference": {"required_resources": {"required_cpu_count": 2}}}},
}


def file(name: str, *, primary: bool = False, url: str | None = "file:///nowhere", **more: Any) -> dict[str, Any]:
    return {"url": url, "file_name_original": name, "is_primary": primary, **more}


def unit(number: int) -> dict[str, Any]:
    files = {
        "image": file(f"{number}.jpg", primary=True, url=f"http://files/{number}.jpg"),
        "labels": file(f"{number}.xml", url=f"http://files/{number}.xml"),
    }
    return {"id": number, "name": f"{number}.jpg", "width": 100, "height": 80, "files": files}


@dataclass
class FakeClient:
    """Tasks 1 to `count`; `apps` is a list of answers to `list_serve_applications`, the last of which repeats."""

    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    apps: list[Any] = field(default_factory=lambda: [[{"status": "RUNNING"}]])
    release: Any = field(default_factory=lambda: RELEASE)
    project: Any = field(default_factory=lambda: {"id": 1, "data_collection": 5})
    collection: Any = field(
        default_factory=lambda: {"id": 5, "file_specifications": [{"name": "image"}, {"name": "labels"}]}
    )
    answer: Any = field(default_factory=lambda: {"boxes": []})
    deployment: Any = None
    jobs: dict[str, Any] = field(default_factory=dict)
    runs: list[tuple[Any, Any]] = field(default_factory=list)
    submitted: dict[int, Any] = field(default_factory=dict)
    lists: list[Any] = field(default_factory=list)
    app_queries: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def get_project(self, project_id):
        return self.project

    def get_data_collection(self, collection_id):
        return self.collection

    def get_plugin_release(self, release):
        return self.release

    def list_tasks(self, params=None, *, list_all=False):
        self.lists.append(params)
        return ({"id": task_id} for task_id in self.tasks), len(self.tasks)

    def get_task(self, task_id, *, params=None):
        if task_id not in self.tasks:
            raise NotFoundError(404, "gone")
        return self.tasks[task_id]

    def get_data_unit(self, unit_id, *, params=None):
        return unit(unit_id)

    def annotate_task_data(self, task_id, data):
        with self._lock:
            self.submitted[task_id] = data

    def list_serve_applications(self, params=None, **filters):
        self.app_queries.append(params)
        return self.apps.pop(0) if len(self.apps) > 1 else self.apps[0]

    def run_plugin(self, plugin, data):
        with self._lock:
            self.runs.append((plugin, data))
        answer = self.deployment if data["action"] == "deployment" else self.answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def get_job(self, job_id):
        return self.jobs[job_id]


def client_with(count: int = 3, **fields: Any) -> FakeClient:
    tasks = {number: {"id": number, "data": None, "data_unit": unit(number)} for number in range(1, count + 1)}
    return FakeClient(tasks=tasks, **fields)


def run(action: Any, client: Any, *, method: str = "file", **params: Any) -> Any:
    """Dispatch an action; answers the result and the logger."""
    base: dict[str, Any] = {"name": "job", "project": 1, "agent": 2, "method": method}
    if method == "file":
        base["target_specification_name"] = "labels"
    else:
        base |= {"model": 3, "pre_processor": 7, "poll_interval_seconds": 0.01, "timeout_seconds": 60}
    ctx = make_ctx(client=client)
    assert isinstance(ctx.logger, RememberingLogger)
    return action.dispatch(base | params, ctx), ctx.logger
