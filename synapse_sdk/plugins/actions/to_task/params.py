"""Parameters of a pre-annotation. What depends on the method is checked by the first step, before anything is asked."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field


class ToTaskMethod(StrEnum):
    """Where annotations come from: a file beside each task's primary file, or a model."""

    FILE = "file"
    INFERENCE = "inference"


class ToTaskParams(BaseModel):
    """Which tasks to annotate, and from what.

    Attributes:
        name: Name of the job.
        description: For people.
        project: Id of the project.
        agent: Id of the agent that runs the pre-processor.
        task_filters: Filters of the task list; without any, all tasks of the project.
        method: Annotate from files, or by inference.
        target_specification_name: File specification that holds the annotation files; needed by `file`.
        model: Id of the model; needed by `inference`.
        pre_processor: Id of the plugin release that infers; needed by `inference`.
        pre_processor_params: More parameters for each inference.
        extra_params: A further place for settings (`to_task_…`).
        concurrency: Tasks that are worked on at once.
        batch_size: Tasks that are fetched in one request, and at most submitted in one.
        timeout_seconds: How long a deployed pre-processor may take to answer.
        poll_interval_seconds: Pause between two looks at it.
    """

    name: str = Field(min_length=1)
    description: str | None = None
    project: int
    agent: int
    task_filters: dict[str, Any] = Field(default_factory=dict)
    method: ToTaskMethod = ToTaskMethod.FILE
    target_specification_name: str | None = None
    model: int | None = None
    pre_processor: int | None = None
    pre_processor_params: dict[str, Any] = Field(default_factory=dict)
    extra_params: dict[str, Any] | None = None
    concurrency: int | None = Field(None, ge=1, le=256)
    batch_size: int | None = Field(None, ge=1, le=500)
    timeout_seconds: float | None = Field(None, gt=0, le=86_400)
    poll_interval_seconds: float | None = Field(None, gt=0, le=3_600)
