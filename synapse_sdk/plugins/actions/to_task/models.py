"""What a pre-annotation answers."""

from __future__ import annotations

from pydantic import BaseModel, field_serializer

from synapse_sdk.wire.jobs import JobStatus


class TaskFailure(BaseModel):
    """A task that was not annotated, and why."""

    task_id: int
    error: str


class ToTaskResult(BaseModel):
    """The outcome of a pre-annotation: every task is counted once, as a success or as a failure.

    Attributes:
        status: FAILED when no task succeeded, else SUCCEEDED.
        message: The outcome in a sentence.
        total_tasks: Tasks that were worked on.
        success_count: Tasks that are annotated now, those of an earlier run with the same release and model among them.
        failed_count: Tasks that are not.
        failures: Each of them, by task id.
        skipped_count: How many of the successes an earlier run had annotated.
        run_id: The run's id on the server, by which it can be undone.
    """

    status: JobStatus
    message: str
    total_tasks: int
    success_count: int
    failed_count: int
    failures: list[TaskFailure] = []
    skipped_count: int = 0
    run_id: str | None = None

    @field_serializer("status")
    def _status_text(self, status: JobStatus) -> str:
        return status.value.upper()
