"""v1: pre-annotation runs. Every call may be repeated: results are known by task and model version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synapse_sdk.clients.backend.transport import Body, Params, V1Transport, encode_body, item_path
from synapse_sdk.clients.base import Call
from synapse_sdk.utils.retry import RetryPolicy

_RUNS = "pre_annotation_runs"
# A run of hours outlives a restart of the server: about a minute of patience.
PATIENT = RetryPolicy(retries=8, backoff_seconds=0.5, max_wait_seconds=15.0)


class PreAnnotationClientMixin(V1Transport):
    """Runs that annotate the tasks of a project, in bulk."""

    def create_pre_annotation_run(self, data: Body) -> Any:
        """Register a run (`synapse_sdk.wire.pre_annotations.PreAnnotationRunCreate`)."""
        return self._patient_post("pre_annotation_runs/", encode_body(data))

    def list_pre_annotation_runs(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("pre_annotation_runs/", list_all=list_all, params=params)

    def list_pre_annotations(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        """Where annotations came from: filter by `task` or `run`."""
        return self._list("pre_annotations/", list_all=list_all, params=params)

    def list_pre_annotation_tasks(
        self, run_id: str, *, after_id: int = 0, limit: int = 200, filters: Mapping[str, Any] | None = None
    ) -> Any:
        """The run's next tasks, ascending by id: `{tasks, done, contents}`."""
        body = {"after_id": after_id, "limit": limit, "filters": dict(filters or {})}
        return self._patient_post(item_path(_RUNS, run_id, "tasks/"), body)

    def submit_pre_annotations(self, run_id: str, items: Sequence[Mapping[str, Any]]) -> Any:
        """Send annotations of up to 500 tasks; one outcome each, in their order."""
        return self._patient_post(item_path(_RUNS, run_id, "results/"), {"items": list(items)})

    def undo_pre_annotation_run(self, run_id: str) -> dict[str, int]:
        """Give every task of a run back what it had before; what people have changed since stays.

        Returns:
            `{restored, kept}`.

        Raises:
            ClientError: There is no such run, or you do not manage its project.
        """
        counts = {"restored": 0, "kept": 0}
        after_id: int | None = 0
        while after_id is not None:
            answer = self._patient_post(item_path(_RUNS, run_id, "undo/"), {"after_id": after_id})
            counts = {name: count + answer[name] for name, count in counts.items()}
            after_id = answer["next_after_id"]
        return counts

    def _patient_post(self, path: str, body: Any) -> Any:
        is_hasty = 0 < self.retry.retries < PATIENT.retries and self.retry.backoff_seconds
        retry = PATIENT if is_hasty else self.retry
        return self.send_json(Call("POST", path, json=body, repeatable=True, is_long=True, retry=retry))
